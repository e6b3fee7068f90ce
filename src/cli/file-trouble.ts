/**
 * An error of the file system in plain words, without the name of the file: whoever says it names the file as the
 * administrator wrote it. What has no words here is said by its code, so that it can be looked up.
 */

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist',
  EACCES: 'no permission',
  EPERM: 'no permission',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of its path is no folder',
  ENOSPC: 'the disk is full',
  EROFS: 'the disk is read-only',
  ENAMETOOLONG: 'its name is too long',
};

/** The same for a file that was to be written. @param thrown as {@link fileTrouble} takes it */
export function outputTrouble(thrown: unknown): string {
  const missing = thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT';
  return missing ? 'its folder does not exist' : fileTrouble(thrown);
}

/** @param thrown an Error of the file system; anything else is said in its own words */
export function fileTrouble(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  if (!('code' in thrown) || typeof thrown.code !== 'string') return thrown.message;
  return WORDS[thrown.code] ?? thrown.code;
}
