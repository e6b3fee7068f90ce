/** A crypto profile that the configuration names, and where: still to be resolved against what the running Node can do. */
import type { ProfileSpec } from '../cms/profile.ts';
import type { Origin } from '../policy/rules.ts';

export interface ProfileDefinition {
  readonly name: string;
  readonly spec: ProfileSpec;
  readonly origin: Origin;
}
