import { removeTemporaryFolders } from '../support/temporary.ts';

removeTemporaryFolders();
