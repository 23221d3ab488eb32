import { existsSync } from 'node:fs';

/** The folder of Sonde itself, with a slash at the end: the one of package.json above this file, compiled or bundled. */
export const ROOT: URL = rootAbove(new URL('.', import.meta.url));

function rootAbove(folder: URL): URL {
  while (!existsSync(new URL('package.json', folder))) {
    const above = new URL('..', folder);
    if (above.href === folder.href)
      throw new Error(`Sonde is not installed whole: no package.json above ${import.meta.url}`);
    folder = above;
  }
  return folder;
}
