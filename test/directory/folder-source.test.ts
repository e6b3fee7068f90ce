import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { openDirectory } from '../../src/directory/open-directory.ts';
import { makeAuthority, makeCertificate, makeCertificateBundle } from '../support/certificate-builder.ts';
import { address, directoryOptions, eventually, folderSource, stateOf, Workshop } from './directories.ts';

describe('directory: folder source', () => {
  const workshop = new Workshop();
  const root = makeAuthority({ name: 'Root' });
  const middle = makeAuthority({ name: 'Middle', issuer: root });
  const bob = makeCertificate(middle, { emails: ['Bob@Bank.Example', 'robert@bank.example'], key: 'p-256' });
  const eve = makeCertificate(middle, { emails: ['eve@bank.example'], key: 'p-256' });
  let folder: string;

  const write = (name: string, content: string | Buffer): void => {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), content);
  };
  const opened = () => workshop.open(directoryOptions(folderSource(folder)));

  beforeEach(() => {
    folder = workshop.folder();
  });
  afterEach(() => workshop.clear());

  it('reads PEM, DER and P7B, three levels deep, under every mailbox that they name', async () => {
    write('bob.pem', bob.pem);
    write('a/b/eve.der', eve.der);
    const ann = makeCertificate(middle, { emails: ['ann@bank.example'], key: 'p-256' });
    write('a/ann.p7b', makeCertificateBundle([ann.der, middle.der, root.der]));
    const deep = makeCertificate(middle, { emails: ['deep@bank.example'], key: 'p-256' });
    write('a/b/c/deep.pem', deep.pem);
    const directory = await opened();
    for (const [mailbox, made, file] of [
      ['bob@bank.example', bob, 'bob.pem'],
      ['ROBERT@BANK.example', bob, 'bob.pem'],
      ['eve@bank.example', eve, 'a/b/eve.der'],
      ['ann@bank.example', ann, 'a/ann.p7b'],
    ] as const) {
      const { candidates, failures } = await directory.find(address(mailbox));
      assert.deepEqual(failures, []);
      assert.deepEqual(
        candidates.map((c) => [c.certificate?.sha256, c.source, c.rank, c.problem]),
        [[made.certificate.sha256, `folder certs/partners/${file}`, 0, null]],
      );
    }
    const { candidates } = await directory.find(address('ann@bank.example'));
    assert.deepEqual(
      new Set(candidates[0]?.companions.map((c) => c.sha256)),
      new Set([middle.certificate.sha256, root.certificate.sha256]),
    );
    assert.equal(stateOf(await directory.find(address('deep@bank.example'))), 'none', 'a fourth level');
    assert.equal(directory.status()[0]?.entries, 5);
  });

  it('finds the issuers of a certificate in other files of the folder', async () => {
    write('bob.pem', bob.pem);
    write('authorities.pem', middle.pem + root.pem);
    const { candidates } = await (await opened()).find(address('bob@bank.example'));
    assert.deepEqual(
      candidates[0]?.companions.map((c) => c.subjectName),
      ['Middle', 'Root'],
    );
  });

  it('reads the subject address only where the SAN has none (C11)', async () => {
    const legacy = makeCertificate(middle, { emails: [], subjectEmail: 'old@bank.example', key: 'p-256' });
    const both = makeCertificate(middle, {
      emails: ['new@bank.example'],
      subjectEmail: 'x@bank.example',
      key: 'p-256',
    });
    write('legacy.pem', legacy.pem);
    write('both.pem', both.pem);
    const directory = await opened();
    assert.equal(stateOf(await directory.find(address('old@bank.example'))), 'certificate');
    assert.equal(stateOf(await directory.find(address('new@bank.example'))), 'certificate');
    assert.equal(stateOf(await directory.find(address('x@bank.example'))), 'none');
  });

  it('finds by A-label what was issued in U-labels', async () => {
    const umlaut = makeCertificate(middle, { emails: ['jürgen@müller.example'], key: 'p-256' });
    write('u.pem', umlaut.pem);
    assert.equal(stateOf(await (await opened()).find(address('jürgen@xn--mller-kva.example'))), 'certificate');
  });

  it('sees a new file, a changed one and a deleted one without a restart', async () => {
    const directory = await opened();
    assert.equal(stateOf(await directory.find(address('bob@bank.example'))), 'none');
    write('bob.pem', bob.pem);
    await eventually(directory, 'bob@bank.example', (a) => stateOf(a) === 'certificate');
    write('bob.pem', eve.pem);
    await eventually(directory, 'eve@bank.example', (a) => stateOf(a) === 'certificate');
    assert.equal(stateOf(await directory.find(address('bob@bank.example'))), 'none', 'swapped whole');
    rmSync(path.join(folder, 'bob.pem'));
    await eventually(directory, 'eve@bank.example', (a) => stateOf(a) === 'none');
  });

  it('sees files in folders that are made later, and folders that are moved in', async () => {
    const directory = await opened();
    write('new/deeper/bob.pem', bob.pem);
    await eventually(directory, 'bob@bank.example', (a) => stateOf(a) === 'certificate');
    const other = workshop.folder();
    mkdirSync(path.join(other, 'moved'));
    writeFileSync(path.join(other, 'moved', 'eve.pem'), eve.pem);
    renameSync(path.join(other, 'moved'), path.join(folder, 'moved'));
    await eventually(directory, 'eve@bank.example', (a) => stateOf(a) === 'certificate');
  });

  it('never answers "none" while a certificate is being replaced', async () => {
    write('bob.pem', bob.pem);
    const directory = await opened();
    const renewed = makeCertificate(middle, { emails: ['bob@bank.example'], key: 'p-256' });
    let states: string[] = [];
    const watching = eventually(directory, 'bob@bank.example', (answer) => {
      states.push(stateOf(answer));
      return answer.candidates[0]?.certificate?.sha256 === renewed.certificate.sha256;
    });
    // the slow way: gone, then half written, then whole
    rmSync(path.join(folder, 'bob.pem'));
    await new Promise((resolve) => setTimeout(resolve, 300));
    write('bob.pem', renewed.pem.slice(0, 200));
    await new Promise((resolve) => setTimeout(resolve, 600));
    write('bob.pem', renewed.pem);
    await watching;
    states = [...new Set(states)];
    assert.deepEqual(states, ['certificate']);
  });

  it('takes a broken file named after a mailbox for its unusable certificate (C28)', async () => {
    write('bob@bank.example.pem', '-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n');
    write('eve@bank.example', 'neither PEM nor DER');
    write('ann@bank.example.cer', Buffer.alloc(0));
    write('anonymous.pem', 'noise');
    write('notes.txt', 'not looked at');
    const result = await openDirectory(directoryOptions(folderSource(folder)));
    assert.ok(result.ok);
    workshop.later(() => result.directory.close());
    for (const mailbox of ['bob@bank.example', 'eve@bank.example', 'ann@bank.example']) {
      const answer = await result.directory.find(address(mailbox));
      assert.equal(stateOf(answer), 'malformed', mailbox);
      assert.match(answer.candidates[0]?.problem ?? '', /@bank\.example/);
    }
    assert.equal(result.warnings.length, 4);
    assert.ok(result.warnings.some((line) => line.includes('anonymous.pem')));
  });

  it('hands on a certificate of another mailbox in a file named after this one, for trust to refuse', async () => {
    write('bob@bank.example.pem', eve.pem);
    const answer = await (await opened()).find(address('bob@bank.example'));
    assert.equal(answer.candidates[0]?.certificate?.sha256, eve.certificate.sha256);
  });

  it('takes a mailbox whose file broke for one with an unusable certificate', async () => {
    write('customer-17.pem', bob.pem);
    const directory = await opened();
    write('customer-17.pem', 'the disk ate it');
    await eventually(directory, 'robert@bank.example', (a) => stateOf(a) === 'malformed');
    write('customer-17.pem', bob.pem);
    await eventually(directory, 'robert@bank.example', (a) => stateOf(a) === 'certificate');
  });

  it('does not lose who names a mailbox and says CA as well', async () => {
    const selfSigned = makeCertificate(middle, {
      emails: ['ca@bank.example'],
      basicConstraints: { ca: true },
      key: 'p-256',
    });
    write('x.pem', selfSigned.pem);
    assert.equal(stateOf(await (await opened()).find(address('ca@bank.example'))), 'certificate');
  });

  it('fails, and does not say "none", while the folder is gone', async () => {
    write('bob.pem', bob.pem);
    const directory = await opened();
    renameSync(folder, `${folder}-away`);
    workshop.later(() => rmSync(`${folder}-away`, { recursive: true, force: true }));
    const gone = await eventually(directory, 'eve@bank.example', (a) => stateOf(a) === 'failure');
    assert.match(gone.failures[0]?.reason ?? '', /ENOENT/);
    assert.match(directory.status()[0]?.lastFailure?.reason ?? '', /ENOENT/);
    renameSync(`${folder}-away`, folder);
    await eventually(directory, 'bob@bank.example', (a) => stateOf(a) === 'certificate');
  });

  it('fails, and does not say "none", once it is closed: a reload may leave a transaction behind', async () => {
    const directory = await opened();
    assert.equal(stateOf(await directory.find(address('bob@bank.example'))), 'none');
    await directory.close();
    write('bob.pem', bob.pem);
    assert.equal(stateOf(await directory.find(address('bob@bank.example'))), 'failure');
  });

  it('follows links, and ignores hidden files and links that hang or turn round', async () => {
    const other = workshop.folder();
    writeFileSync(path.join(other, 'bob.pem'), bob.pem);
    symlinkSync(path.join(other, 'bob.pem'), path.join(folder, 'linked.pem'));
    symlinkSync(path.join(other, 'nowhere'), path.join(folder, 'hanging.pem'));
    symlinkSync(folder, path.join(folder, 'round'));
    write('.eve.pem', eve.pem);
    const directory = await opened();
    const answer = await directory.find(address('bob@bank.example'));
    assert.equal(answer.candidates.length, 1);
    assert.equal(stateOf(await directory.find(address('eve@bank.example'))), 'none');
  });

  it('says since when a certificate is known', async () => {
    let now = 1_800_000_000_000;
    write('bob.pem', bob.pem);
    utimesSync(path.join(folder, 'bob.pem'), 1, 1);
    const directory = await workshop.open(directoryOptions(folderSource(folder)), () => now);
    now += 5000;
    write('second/bob.pem', bob.pem);
    write('eve.pem', eve.pem);
    const eves = await eventually(directory, 'eve@bank.example', (a) => a.candidates.length > 0);
    assert.equal(eves.candidates[0]?.seenAt.getTime(), now);
    const bobs = await directory.find(address('bob@bank.example'));
    assert.deepEqual(
      bobs.candidates.map((c) => c.seenAt.getTime()),
      [now - 5000],
    );
  });
});
