import { paginateListObjectsV2 } from '@aws-sdk/client-s3';
import type { FolderListing, ListedFile } from '../store.ts';
import { s3, s3Error } from './client.ts';

/** What lies under a prefix, which is '' or ends with "/", up to the next "/". Throws RunError where S3 refuses. */
export async function listPrefix(bucket: string, prefix: string): Promise<FolderListing> {
  const files: ListedFile[] = [];
  const folders: string[] = [];
  const input = { Bucket: bucket, Prefix: prefix, Delimiter: '/' };
  try {
    for await (const { Contents = [], CommonPrefixes = [] } of paginateListObjectsV2({ client: s3() }, input)) {
      for (const { Key = '', LastModified = new Date(0) } of Contents)
        if (Key !== prefix) files.push({ name: Key.slice(prefix.length), modified: LastModified });
      for (const { Prefix = '' } of CommonPrefixes) folders.push(Prefix.slice(prefix.length, -1));
    }
  } catch (error) {
    throw s3Error(error, 'list', `s3://${bucket}/${prefix}`);
  }
  return { files, folders: folders.sort() };
}
