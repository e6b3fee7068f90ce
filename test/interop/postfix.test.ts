/** Postfix before and behind the gateway, the short form of test/prove/postfix.ts: the hardest 40 messages and 20 others. */
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { claimOf, type HardMail, madeMail } from '../support/hard-mail.ts';
import { needPostfix } from '../support/postfix.ts';
import { PostfixTrial, type TrialReport } from '../support/postfix-trial.ts';
import { AUDIENCES, dailyMail, trialLetter } from '../support/trial-letters.ts';

const HARD = 40;
const LETTERS = 60;
const LARGE = 250_000;

describe('interop/postfix', function () {
  this.timeout(120_000);
  let trial: PostfixTrial | null = null;
  let report: TrialReport;

  before(async function () {
    needPostfix(this);
    trial = await PostfixTrial.open();
    await trial.send(letters());
    await trial.drained(60_000);
    report = await trial.judge();
  });

  after(() => trial?.close());

  it('brings every message to each recipient once, or refuses it with the reason that was due', () => {
    assert.deepEqual(report.deviations, []);
  });

  it('signs, encrypts and leaves alone, unchanged where nothing needs changing', () => {
    const forms = [...report.arrived.keys()].sort();
    for (const form of ['signed and encrypted', 'encrypted', 'signed']) {
      assert.ok(forms.includes(`${form}, identical`), `${form}, identical`);
      assert.ok(forms.includes(`${form}, canonical`), `${form}, canonical`);
    }
    assert.ok(forms.includes('as it came, identical'));
  });

  it('tells the sender why', () => {
    const codes = new Set([...report.refused.keys()].map((line) => line.split(' ')[0]));
    for (const code of [
      'policy.no-certificate',
      'policy.unusable-certificate',
      'policy.cannot-sign',
      'message.malformed',
    ]) {
      assert.ok(codes.has(code), code);
    }
  });

  it('would notice what is lost, doubled or altered', async () => {
    assert.ok(trial);
    const { down } = trial;
    const sealed = down.delivered().filter((name) => claimOf(down.read(name).message) === 'encrypted');
    const [lost, doubled, altered] = sealed.map((name) => path.join(down.folder, 'mail', 'box', 'new', name));
    assert.ok(lost && doubled && altered);
    rmSync(lost);
    copyFileSync(doubled, `${doubled}-again`);
    const text = readFileSync(altered, 'latin1');
    const at = text.indexOf('\n\n') + 1000;
    writeFileSync(altered, `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`, 'latin1');
    const deviations = (await trial.judge()).deviations.map((line) => line.replace(/^.*?: /, '')).sort();
    assert.equal(deviations.length, 3, deviations.join('\n'));
    assert.match(deviations[0] ?? '', /^arrived 0 times, refused 0 times/);
    assert.match(deviations[1] ?? '', /^arrived 2 times, refused 0 times/);
    assert.match(deviations[2] ?? '', /^(signed and )?encrypted: /);
  });
});

function letters() {
  return Array.from({ length: LETTERS }, (_, index) => {
    const mail = hardest()[index] ?? dailyMail(index, 4096 + index * 500);
    const audience = index < HARD ? AUDIENCES[[0, 1, 3, 5][index % 4] ?? 0] : AUDIENCES[index % AUDIENCES.length];
    assert.ok(audience);
    return trialLetter(index + 1, mail, audience);
  });
}

/** Every second made one, without the largest. */
function hardest(): readonly HardMail[] {
  return madeMail()
    .filter(({ fields, body }) => fields.length + body.length < LARGE)
    .filter((_, index) => index % 9 < 5)
    .slice(0, HARD);
}
