/** The source of every event that this project sends. */
export const EVENT_SOURCE = 'mark-certificate-collector';

/** Detail types: what outsiders send, and what is sent to them. docs/events.md has their schemas. */
export const ORDERED = 'Mark Certificate Ordered';
export const ISSUED = 'Mark Certificate Issued';
export const EXPIRING = 'Mark Certificate Expiring';
export const PUBLICATION_BROKEN = 'Mark Certificate Publication Broken';
