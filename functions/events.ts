/** The source of every event that this project sends. */
export const EVENT_SOURCE = 'mark-certificate-collector';

/** The detail types of incoming and outgoing events. docs/events.md describes them. */
export const ORDERED = 'Mark Certificate Ordered';
export const ISSUED = 'Mark Certificate Issued';
export const EXPIRING = 'Mark Certificate Expiring';
export const PUBLICATION_BROKEN = 'Mark Certificate Publication Broken';
