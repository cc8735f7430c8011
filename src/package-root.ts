/** Folder of the package, as a URL: package.json and bin/ are found from here, wherever the code runs from. */
export const PACKAGE_ROOT = new URL('../', import.meta.url);
