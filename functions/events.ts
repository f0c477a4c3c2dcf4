import type { WaitingReason } from './collectmc/codes.ts';
import type { Order } from './order.ts';

/** The source of every event that this project sends. */
export const EVENT_SOURCE = 'mark-certificate-collector';

/** The detail types of incoming and outgoing events. docs/events.md describes them. */
export const ORDERED = 'Mark Certificate Ordered';
export const ISSUED = 'Mark Certificate Issued';
export const WAITING = 'Mark Certificate Waiting';
export const FAILED = 'Mark Certificate Failed';
export const EXPIRING = 'Mark Certificate Expiring';
export const REVOKED = 'Mark Certificate Revoked';
export const PUBLICATION_BROKEN = 'Mark Certificate Publication Broken';

/** The detail type of the event with which a survey that had too little time starts its next invocation. */
export const SURVEY_CONTINUES = 'Survey Continues';

/** Fields of every outgoing event. */
export interface CollectorDetail {
  /** The name of the collector that sent the event. */
  readonly collector: string;
  readonly domains: readonly string[];
}

/** Fields of every outgoing event about a watched domain: a domain whose BIMI record and files someone else serves. */
export interface WatchedDetail extends CollectorDetail {
  readonly watched: true;
  readonly domain: string;
  readonly selector: string;
}

/** Fields of every outgoing event about an order. */
export interface OrderDetail extends CollectorDetail {
  readonly orderNumber: string;
  /** The account at the CA; null for the default account. */
  readonly account: string | null;
}

/** The fields of an outgoing event that name the collector and the order. */
export function orderDetail(
  collector: string,
  { orderNumber, account, domains = [] }: Pick<Order, 'orderNumber' | 'account' | 'domains'>,
): OrderDetail & { readonly domains: string[] } {
  return { collector, orderNumber, account: account ?? null, domains };
}

/** Fields of the events that report the status of an order. */
interface StatusDetail extends OrderDetail {
  readonly execution: string;
  /** The start of the execution. Dates are ISO 8601 in UTC. */
  readonly startedAt: string;
  /** What happened, for a person. */
  readonly text: string;
  /** What a person must do. */
  readonly nextStep: string;
  /** `updatedAt` of the status that the sender wrote. A status that was reported is not reported again. */
  readonly updatedAt: string;
}

/** Why an order that waits needs a person: the reason why it waits, or three quarters of its deadline. */
export type Concern =
  | Extract<WaitingReason, 'credentials' | 'payment' | 'permission' | 'outage' | 'storage'>
  | 'deadline';

/** The detail of "Mark Certificate Waiting": an order starts to need a person. */
export interface WaitingDetail extends StatusDetail {
  readonly reason: Concern;
  /** The start of this reason. */
  readonly since: string;
}

/** The detail of "Mark Certificate Failed": the collection of an order ended without a certificate. */
export interface FailedDetail extends StatusDetail {
  readonly error: string;
}

/** The detail of "Mark Certificate Revoked". */
export interface RevokedDetail extends OrderDetail {
  /** True if CollectMC or a CRL confirms the revocation. False for a push, which only informs. */
  readonly confirmed: boolean;
  /** Where the collector learned it. */
  readonly source: 'collect-mc' | 'push' | 'crl';
  readonly text: string;
  /** Since when the collector knows it. */
  readonly knownSince: string;
  readonly execution?: string;
  /** The certificate of the order, if a CRL states the revocation of a certificate in its chain. */
  readonly fingerprintSha256?: string;
  /** Since when it is revoked, and the reason of RFC 5280, as the CRL states them; null if it states none. */
  readonly revokedAt?: string | null;
  readonly reason?: string | null;
  /** The subject of the issuing certificate that the CRL lists; null if it lists the certificate itself. */
  readonly issuer?: string | null;
}
