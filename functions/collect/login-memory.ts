import { DAY_MILLISECONDS } from '../days.ts';
import { doubtsOf, isRejected, type LabelledVersion } from './rejections.ts';

/**
 * How long this process trusts its memory more than a label that it has just set, in milliseconds: changes of Secrets
 * Manager are not visible everywhere at once (AWS: Troubleshooting Secrets Manager, eventual consistency).
 */
const PROPAGATION_MILLISECONDS = 5 * 60 * 1000;

/** What the state of an order knows about a login. A label on the secret says the same for all orders. */
export interface LoginState {
  /** The version of the secret whose login the CA rejected. It is never used again. */
  readonly rejectedCredentialsVersion?: string | undefined;
  /** The version of the secret whose login the CA may have rejected. */
  readonly doubtedCredentialsVersion?: string | undefined;
  /** What the secret contains in place of a login: the version, or the error of Secrets Manager. */
  readonly unusableCredentials?: string | undefined;
  /** Only if the version could not be labelled: the day of that call, yyyymmdd in UTC. The next day is the next try. */
  readonly doubtedOn?: string | undefined;
}

/** Why the CA must not be asked now, as a clause, and what the order then knows about the login. */
export interface Obstacle {
  readonly text: string;
  readonly state: LoginState;
}

const REJECTED_TEXT = 'the CA rejected these credentials, and there are no newer ones';
const DOUBTED_TEXT =
  'the CA may have rejected these credentials today; one order tries them again tomorrow (UTC), and all orders use newer ones ' +
  'as soon as there are any';

/** What this process knows about the versions of each secret. */
export function createLoginMemory(milliseconds: () => number) {
  const rejected = new Set<string>();
  /** When to try again to label a rejected version: a check that asks once leaves no state that would remember it. */
  const labelAgainAt = new Map<string, number>();
  const doubtedUntil = new Map<string, number>();
  return {
    of(account: string | null) {
      // An account has no upper-case letters, so no key belongs to two secrets.
      const key = (version: string) => `${account ?? 'DEFAULT'}/${version}`;
      return {
        reject: (version: string) => rejected.add(key(version)),
        /** @param isSet whether the label of a rejected version could be set. */
        rejectionLabelled(version: string, isSet: boolean) {
          if (isSet) {
            labelAgainAt.delete(key(version));
          } else {
            labelAgainAt.set(key(version), milliseconds() + PROPAGATION_MILLISECONDS);
          }
        },
        /** Whether the label of a rejected version is still missing, and it is time to try again. */
        lacksLabel: (reading: LabelledVersion) =>
          !isRejected(reading) &&
          (labelAgainAt.get(key(reading.version)) ?? Number.POSITIVE_INFINITY) <= milliseconds(),
        /** The version is not used again on this day. */
        doubt(version: string) {
          const time = milliseconds();
          doubtedUntil.set(key(version), time - (time % DAY_MILLISECONDS) + DAY_MILLISECONDS);
        },
        /** From now on the label decides: anybody who removes it allows the version. */
        doubtLabelled(version: string) {
          doubtedUntil.set(key(version), milliseconds() + PROPAGATION_MILLISECONDS);
        },
        accept: (version: string) => doubtedUntil.delete(key(version)),
        /** Why a version must not be used now; undefined if it can be used. */
        obstacle(reading: LabelledVersion, before: LoginState, day: string): Obstacle | undefined {
          const { version } = reading;
          if (isRejected(reading) || rejected.has(key(version))) {
            return { text: REJECTED_TEXT, state: { rejectedCredentialsVersion: version } };
          }
          if (doubtsOf(reading).some((doubt) => doubt.day >= day)) {
            return { text: DOUBTED_TEXT, state: { doubtedCredentialsVersion: version } };
          }
          const { doubtedOn = '' } = isDoubtedBy(before, version) ? before : {};
          const isDoubted = doubtedOn >= day || (doubtedUntil.get(key(version)) ?? 0) > milliseconds();
          return isDoubted
            ? { text: DOUBTED_TEXT, state: { doubtedCredentialsVersion: version, doubtedOn: doubtedOn || day } }
            : undefined;
        },
      };
    },
  };
}

/** Whether the state of an order doubts a version that could not be labelled. */
export function isDoubtedBy({ doubtedCredentialsVersion, doubtedOn }: LoginState, version: string): boolean {
  return doubtedOn !== undefined && doubtedCredentialsVersion === version;
}

/** What a state contains about the login. */
export function loginState(from: LoginState | undefined): LoginState {
  const { rejectedCredentialsVersion, doubtedCredentialsVersion, unusableCredentials, doubtedOn } = from ?? {};
  return {
    ...(rejectedCredentialsVersion !== undefined && { rejectedCredentialsVersion }),
    ...(doubtedCredentialsVersion !== undefined && { doubtedCredentialsVersion }),
    ...(unusableCredentials !== undefined && { unusableCredentials }),
    ...(doubtedOn !== undefined && { doubtedOn }),
  };
}
