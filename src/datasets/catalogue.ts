import { zooEntries } from '../schemas/zoo/zoo.ts';

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

/**
 * Everything there is to fetch, by name. A new file is one row; checkpoints keep the names the public code expects, with the
 * data set where RobustBench has two of a name. Ids: the public code's README, and model_zoo of RobustBench/robustbench.
 */
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
  'oaat-rn18': onGoogleDrive(
    'OAAT ResNet-18 on CIFAR-10 (Addepalli et al., 2021)',
    'Addepalli2021Towards_RN18.pt',
    '1-1DxecXz5U_xZ54DVdE-GVm71Tiox-Ri',
  ),
  'dajat-wrn34-10': onGoogleDrive(
    'DAJAT WideResNet-34-10 on CIFAR-10 (Addepalli et al., 2022)',
    'Addepalli2022Efficient_WRN_34_10.pt',
    '1--dVDtZhAk4D2zMtTDwIGnImuCGxTcBA',
  ),
  'trades-awp-wrn34-10': onGoogleDrive(
    'TRADES-AWP WideResNet-34-10 on CIFAR-10 (Wu et al., 2020)',
    'TRADES-AWP_cifar10_linf_wrn34-10.pt',
    '1hlVTLZkveYGWpE9-46Wp5NVZt1slz-1T',
  ),
  'dajat-rn18-cifar100': onGoogleDrive(
    'DAJAT ResNet-18 on CIFAR-100 (Addepalli et al., 2022)',
    'Addepalli2022Efficient_RN18_cifar100.pt',
    '1-2hnxC7lZOQDqQbum4yPbtRtTND86I5N',
  ),
  'oaat-parn18-cifar100': onGoogleDrive(
    'OAAT PreActResNet-18 on CIFAR-100 (Addepalli et al., 2021)',
    'Addepalli2021Towards_PARN18_cifar100.pt',
    '1-FwVya1sDvdFXr0_ZBoXEJW9ukGC7hPK',
  ),
  'las-wrn34-10-cifar100': onGoogleDrive(
    'LAS-AT WideResNet-34-10 on CIFAR-100 (Jia et al., 2022)',
    'Jia2022LAS-AT_34_10_cifar100.pt',
    '1-338K2PUf5FTwk4cbUUeTNz247GrXaMG',
  ),
  'rtb-rn50-imagenet': onGoogleDrive(
    'PGD adversarial training ResNet-50 on ImageNet (Salman et al., 2020)',
    'Salman2020Do_R50.pt',
    '1TmT5oGa1UvVjM3d-XeSj_XmKqBNRUg8r',
  ),
  'fat-rn50-imagenet': onGoogleDrive(
    'Fast adversarial training ResNet-50 on ImageNet (Wong et al., 2020)',
    'imagenet_model_weights_4px.pth.tar',
    '1UrNEtLWs-fjlM2GPb1JpBGtpffDuHH_4',
  ),
};

/** The files of a model of RobustBench's zoo, by its id, at the paths that RobustBench gives them; none where it has no such model. */
export function zooCatalogue(id: string): CatalogueEntry[] {
  const { architecture, files } = zooEntries().get(id) ?? { architecture: '', files: [] };
  return files.map(({ file, at }) =>
    'url' in at
      ? { kind: 'checkpoint', about: architecture, url: at.url, file }
      : onGoogleDrive(architecture, file, at.googleDrive),
  );
}
