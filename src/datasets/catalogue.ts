/** A file that `igd fetch` knows where to get. */
export interface CatalogueEntry {
  readonly kind: 'dataset' | 'checkpoint';
  readonly about: string;
  readonly url: string;
  /** The name it is published and saved under. */
  readonly file: string;
  /** In hex, as published. Without one the SHA-256 of the first download is kept beside the file and holds from then on. */
  readonly md5?: string;
  /** Where a person gets it with a browser, if not at `url`. */
  readonly page?: string;
  /** Why the server may answer with a web page. */
  readonly webPageMeans?: string;
}

export type Catalogue = Readonly<Record<string, CatalogueEntry>>;

/** Sums and sizes from https://www.cs.toronto.edu/~kriz/cifar.html */
function cifar(about: string, file: string, md5: string): CatalogueEntry {
  return { kind: 'dataset', about, url: `https://www.cs.toronto.edu/~kriz/${file}`, file, md5 };
}

/** Checkpoints that are public on Google Drive only; `confirm=t` skips the page that says large files are not scanned. */
function onGoogleDrive(about: string, file: string, id: string): CatalogueEntry {
  return {
    kind: 'checkpoint',
    about,
    url: `https://drive.usercontent.google.com/download?id=${id}&export=download&confirm=t`,
    file,
    page: `https://drive.google.com/file/d/${id}/view`,
    webPageMeans: 'Google Drive does so when too many have fetched the file today, or when it asks about a virus scan',
  };
}

/** Everything there is to fetch, by name. A new file is one row; checkpoints keep the names the public code expects. */
export const CATALOGUE: Catalogue = {
  cifar10: cifar('CIFAR-10, binary version, 162 MB', 'cifar-10-binary.tar.gz', 'c32a1d4ab5d03f1284b67883e8d87530'),
  'cifar10-python': cifar(
    'CIFAR-10, python version, 163 MB',
    'cifar-10-python.tar.gz',
    'c58f30108f718f92721af3b95e74349a',
  ),
  cifar100: cifar('CIFAR-100, binary version, 161 MB', 'cifar-100-binary.tar.gz', '03b5dce01913d631647c71ecec9e9cb8'),
  'cifar100-python': cifar(
    'CIFAR-100, python version, 161 MB',
    'cifar-100-python.tar.gz',
    'eb9058c3a382ffc7106e4002c42a8d85',
  ),
  'dajat-rn18': onGoogleDrive(
    'DAJAT ResNet-18 on CIFAR-10 (Addepalli et al., 2022)',
    'Addepalli2022Efficient_RN18.pt',
    '1m5vhdzIUUKhDbsZdOG9z76Eyp6f4xe_f',
  ),
  'trades-awp-wrn34-10': onGoogleDrive(
    'TRADES-AWP WideResNet-34-10 on CIFAR-10 (Wu et al., 2020)',
    'TRADES-AWP_cifar10_linf_wrn34-10.pt',
    '1hlVTLZkveYGWpE9-46Wp5NVZt1slz-1T',
  ),
  'fat-rn50-imagenet': onGoogleDrive(
    'Fast adversarial training ResNet-50 on ImageNet (Wong et al., 2020)',
    'imagenet_model_weights_4px.pth.tar',
    '1UrNEtLWs-fjlM2GPb1JpBGtpffDuHH_4',
  ),
};
