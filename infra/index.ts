/** What the package exports. */
export { MarkCertificateCollector } from './mark-certificate-collector.ts';
