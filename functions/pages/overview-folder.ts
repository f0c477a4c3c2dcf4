/** The folder of the overview in the bucket. */
export const OVERVIEW = 'overview/';

/** The page that opens first. It is useful alone, because a presigned URL opens no other page. */
export const INDEX_PAGE = 'index.html';
