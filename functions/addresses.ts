import { BlockList, isIP } from 'node:net';

/**
 * The IPv4 networks that are not on the public internet, or on which no single server answers (IANA IPv4 Special-Purpose
 * Address Registry; multicast and class E).
 */
const NOT_PUBLIC_IPV4 = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  // Link-local. 169.254.169.254 is the metadata service of a cloud.
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  // The relays of 6to4.
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const;

/** Global unicast addresses (RFC 4291, 2.4). Everything else is local, multicast, or contains an IPv4 address. */
const PUBLIC_IPV6 = ['2000::', 3] as const;

/**
 * The networks in it that are not public, or whose addresses contain an IPv4 address (IANA IPv6 Special-Purpose Address
 * Registry).
 */
const NOT_PUBLIC_IPV6 = [
  // Teredo, ORCHID and others.
  ['2001::', 23],
  ['2001:db8::', 32],
  // 6to4.
  ['2002::', 16],
  ['3fff::', 20],
] as const;

const notPublicIpv4 = listOf(NOT_PUBLIC_IPV4, 'ipv4');
const publicIpv6 = listOf([PUBLIC_IPV6], 'ipv6');
const notPublicIpv6 = listOf(NOT_PUBLIC_IPV6, 'ipv6');
const loopbackIpv4 = listOf([['127.0.0.0', 8]], 'ipv4');
const loopbackIpv6 = listOf([['::1', 128]], 'ipv6');

/** Whether an IP address is one that servers on the public internet have. */
export function isPublicAddress(address: string): boolean {
  return isIP(address) === 6
    ? publicIpv6.check(address, 'ipv6') && !notPublicIpv6.check(address, 'ipv6')
    : isIP(address) === 4 && !notPublicIpv4.check(address, 'ipv4');
}

/** Whether an IP address is this machine. */
export function isLoopbackAddress(address: string): boolean {
  return isIP(address) === 6 ? loopbackIpv6.check(address, 'ipv6') : loopbackIpv4.check(address, 'ipv4');
}

function listOf(networks: readonly (readonly [network: string, prefix: number])[], type: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList();
  for (const [network, prefix] of networks) {
    list.addSubnet(network, prefix, type);
  }
  return list;
}
