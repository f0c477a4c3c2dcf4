/** The value that the stack writes into a new secret. The operator replaces it. */
export const PLACEHOLDER = 'REPLACE-ME';
