/** What the package exports. */
export { CollectorError } from '../functions/collector-error.ts';
export { InvalidPropsError } from './collector-config.ts';
export { MarkCertificateCollector } from './mark-certificate-collector.ts';
export type { MarkCertificateCollectorProps, PublishProps } from './props.ts';
export type { PublicationEndpoint } from './publication.ts';
export type { PushEndpoint } from './triggers.ts';
