/** Where the octets of an answer go: a large one to a file as it comes, a small one to memory. */
import { type FileHandle, open, rm } from 'node:fs/promises';

export class FetchAnswer {
  private readonly into: string | null;
  private readonly file: FileHandle | null;
  private readonly pieces: Buffer[] = [];

  private constructor(into: string | null, file: FileHandle | null) {
    this.into = into;
    this.file = file;
  }

  /**
   * @param into absolute path of a file that is not there yet; null: memory
   * @throws file system errors
   */
  static async open(into: string | null): Promise<FetchAnswer> {
    return new FetchAnswer(into, into === null ? null : await open(into, 'wx', 0o600));
  }

  /** What is in memory: all of it, or nothing where there is a file. */
  get octets(): Buffer {
    return Buffer.concat(this.pieces);
  }

  /** @throws file system errors */
  async take(octets: Buffer): Promise<void> {
    if (this.file === null) this.pieces.push(octets);
    else await this.file.writeFile(octets);
  }

  async close(): Promise<void> {
    await this.file?.close();
  }

  /** Takes the file away. Never rejects. */
  async discard(): Promise<void> {
    if (this.into !== null) await rm(this.into, { force: true }).catch(() => {});
  }
}
