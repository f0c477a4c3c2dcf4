import { Token } from 'aws-cdk-lib';

/** What two collectors in one AWS account and region cannot have in common. */
export interface Collision {
  /** The setting to change in one of the two. */
  readonly setting: 'name' | 'eventSource';
  readonly reason: string;
}

/**
 * Why two collectors cannot be in one AWS account and region. The values may be written ones.
 *
 * @param busSetting how the user names the bus: the setting `eventBusName`, or the prop `eventBus`.
 */
export function collisionsOf(
  one: Readonly<Record<string, unknown>>,
  other: Readonly<Record<string, unknown>>,
  busSetting: 'eventBusName' | 'eventBus' = 'eventBusName',
): Collision[] {
  const collisions: Collision[] = [];
  if (one.name === other.name) {
    const reason =
      `two collectors have the name ${quoted(one.name)}, which the secret of the login and the metrics contain; ` +
      'accepted: another name for each collector';
    collisions.push({ setting: 'name', reason });
  }
  if (one.eventSource === other.eventSource && one.eventBusName === other.eventBusName) {
    const reason =
      `two collectors take the events with the source ${quoted(one.eventSource)} on the bus ` +
      `${quoted(one.eventBusName)}, so both would collect every order; ` +
      `accepted: another eventSource for each collector, or another ${busSetting}`;
    collisions.push({ setting: 'eventSource', reason });
  }
  return collisions;
}

/** A value that the deployment assigns has no text yet that a person could read. */
function quoted(value: unknown): string {
  return Token.isUnresolved(value) ? '(assigned by the deployment)' : JSON.stringify(value);
}
