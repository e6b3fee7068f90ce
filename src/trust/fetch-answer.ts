/** Where the octets of an answer go: a large one to a file as it comes, a small one to memory. */
import { type FileHandle, open } from 'node:fs/promises';

export class FetchAnswer {
  private readonly file: FileHandle | null;
  private readonly pieces: Buffer[] = [];

  private constructor(file: FileHandle | null) {
    this.file = file;
  }

  /**
   * @param into absolute path of a file that is not there yet; null: memory
   * @throws file system errors
   */
  static async open(into: string | null): Promise<FetchAnswer> {
    return new FetchAnswer(into === null ? null : await open(into, 'wx', 0o600));
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
}
