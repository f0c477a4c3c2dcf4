import { BlockList, isIPv6 } from 'node:net';
import type { Receiver } from '../store/fetches.ts';

/** How the documentation of a mailbox provider describes its requests. */
interface ReceiverRow {
  readonly receiver: Receiver;
  /** A part of the user agent, in lower case. */
  readonly userAgent?: string;
  /** IPv4 network and length of its prefix. */
  readonly network?: readonly [string, number];
  readonly source: string;
}

/**
 * The mailbox providers whose requests can be recognized. A user agent can be forged, so a row is a hint and no proof.
 *
 * Missing: Fastmail documents neither a user agent nor addresses for BIMI; its fetches count as `other`.
 */
export const RECEIVER_TABLE: readonly ReceiverRow[] = [
  {
    receiver: 'gmail',
    userAgent: 'googleimageproxy',
    source: 'the user agent itself, "… (via ggpht.com GoogleImageProxy)", which names the owner of the proxy',
  },
  {
    receiver: 'yahoo',
    userAgent: 'yahoomailproxy',
    source: 'Yahoo Help, "Yahoo Mail Proxy" (SLN28749), which the user agent itself names',
  },
  {
    receiver: 'apple',
    network: ['17.0.0.0', 8],
    source: 'Apple Support, "Use Apple products on enterprise networks": 17.0.0.0/8 is assigned to Apple',
  },
];

const NETWORKS = RECEIVER_TABLE.flatMap(({ receiver, network }) => {
  if (!network) {
    return [];
  }
  const addresses = new BlockList();
  addresses.addSubnet(network[0], network[1]);
  return [{ receiver, addresses }];
});

/** Recognizes a receiver by its decoded user agent, and otherwise by its address. */
export function receiverOf(userAgent: string, address: string): Receiver {
  const lower = userAgent.toLowerCase();
  const named = RECEIVER_TABLE.find((row) => row.userAgent !== undefined && lower.includes(row.userAgent));
  return named?.receiver ?? NETWORKS.find(({ addresses }) => contains(addresses, address))?.receiver ?? 'other';
}

function contains(addresses: BlockList, address: string): boolean {
  return addresses.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}
