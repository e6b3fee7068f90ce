/**
 * The authentication server that Postfix asks (Dovecot's protocol, version 1.1) with a fixed list of logins: PLAIN only.
 *
 * One line each way: `AUTH id PLAIN service=smtp ... resp=BASE64`, answered `OK id user=NAME` or `FAIL id user=NAME`.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

export class LoginServer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #logins: Readonly<Record<string, string>>;

  private constructor(logins: Readonly<Record<string, string>>) {
    this.#logins = logins;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  /** @param logins passwords by name */
  static async open(logins: Readonly<Record<string, string>>): Promise<LoginServer> {
    const login = new LoginServer(logins);
    login.#server.listen(0, '127.0.0.1');
    await once(login.#server, 'listening');
    return login;
  }

  /** Lines of main.cf. */
  get main(): readonly string[] {
    const { port } = this.#server.address() as AddressInfo;
    return ['smtpd_sasl_type = dovecot', `smtpd_sasl_path = inet:127.0.0.1:${port}`];
  }

  async close(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, 'close');
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {});
    socket.write(`VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t${'0'.repeat(32)}\nDONE\n`);
    let pending = '';
    socket.on('data', (data: Buffer) => {
      pending += data.toString('latin1');
      const lines = pending.split('\n');
      pending = lines.pop() ?? '';
      for (const line of lines) if (line.startsWith('AUTH\t')) socket.write(this.#answer(line));
    });
  }

  #answer(line: string): string {
    const [, id = ''] = line.split('\t');
    const [, response = ''] = /\tresp=(\S+)/.exec(line) ?? [];
    const [, name = '', password = ''] = Buffer.from(response, 'base64').toString('latin1').split('\0');
    return password !== '' && this.#logins[name] === password
      ? `OK\t${id}\tuser=${name}\n`
      : `FAIL\t${id}\tuser=${name}\n`;
  }
}
