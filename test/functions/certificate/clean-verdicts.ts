/** The verdicts of the receivers on a Registered Mark without findings: `shows`, then the ids in `because`. */
export const CLEAN_VERDICTS = {
  gmail: 'true',
  apple: 'true',
  yahoo: 'true no-certificate-needed reputation',
  fastmail: 'true',
  laposte: 'null rules-not-published',
  gmx: 'null rules-not-published',
  zoho: 'null rules-not-published',
  rspamd: 'true',
  halon: 'true',
  microsoft: 'false no-bimi',
} as const;
