/**
 * Recognizes a rejected login in any wording. A rejection that is not recognized would be sent again within minutes,
 * until the CA locks the account; a text that is taken for one by mistake costs a wait and a message. So the tables are
 * generous, except for replies that are outages by their HTTP status.
 *
 * Every expression is matched against a text in lower case in which names like `loginPassword` and `AUTH_FAILED` are
 * split into words. None of them repeats a repetition, so the time is linear.
 */

/** HTTP statuses by which a gateway or the CA refuses access (RFC 9110; 440 and 498: IIS and proxies). */
export const DOUBTFUL_HTTP_STATUSES: ReadonlySet<number> = new Set([403, 407, 423, 440, 498, 511]);

/** HTTP statuses that mean an outage or a call limit, whatever page comes with them. */
export function isOutageStatus(httpStatus: number): boolean {
  return httpStatus >= 500 || httpStatus === 429 || httpStatus === 408;
}

/** An expression for whole words. It is compiled when it is first needed: the reply "being processed" needs none. */
function words(...alternatives: readonly string[]): { test(text: string): boolean } {
  let expression: RegExp | undefined;
  return {
    test(text) {
      expression ??= new RegExp(`(?<![\\p{L}\\d])(?:${alternatives.join('|')})(?![\\p{L}\\d])`, 'u');
      return expression.test(text);
    },
  };
}

/** Words about a login. One of them is enough. */
const LOGIN = words(
  'log ?ins?',
  'login (?:name|id)s?',
  'log ?ons?',
  'log ?outs?',
  '(?:not|be|been|are) logged (?:in|on|out|off)',
  'logged (?:out|off)',
  'sign ?(?:in|on|out)s?',
  'signed (?:out|off)',
  '(?:sign|signing|log|logging) (?:you|the user) (?:in|on)',
  '(?:not|be) signed in',
  'sso',
  'pass ?words?',
  'passwd',
  'pass ?(?:phrase|code)s?',
  'pwd',
  'credentials?',
  '(?:un|re|pre)?authenti(?:c|cate|cated|cates|cating|cation|cator|cators|city)',
  'auth',
  'unauthori[sz]ed',
  'not authori[sz]ed',
  'user ?(?:name|id|account)s?',
  '(?:m|2)fa',
  'otp',
  '(?:two|multi) factor',
  // Other languages of European CAs and gateways.
  'pass ?wort',
  'kennwort',
  'zugangsdaten',
  'anmelde(?:n|daten|name|namen)',
  'anmeldung',
  'benutzer(?:name|konto|kennung)?',
  'mot de passe',
  'identifiants?',
  'nom d ?utilisateur',
  'contraseña',
  'nombre de usuario',
  'senha',
  'credenciais',
  'credenziali',
  'nome utente',
  'wachtwoord',
  'gebruikersnaam',
  'inloggen',
  'aanmelden',
);

/** Words about an account, which texts about other things contain too. */
const ACCOUNT = words(
  'accounts?',
  'authori[sz]ations?',
  'identifications?',
  'user (?:or |and )?pass',
  'konto',
  'compte',
  'cuenta',
  'conta',
);

/** Words by which access is refused. One of them is enough in a reply that is not an outage. */
const REFUSED_ACCESS = words(
  'access (?:is |was |has been |to .{1,60} )?(?:denied|forbidden|refused|blocked|restricted|prohibited)',
  '(?:denied|refused|blocked|no|not have|don.t have) access',
  'permissions? (?:is |was |are )?(?:denied|refused)',
  'permission required',
  '(?:insufficient|no|not have|don.t have|lacks?|missing) (?:the )?(?:permissions?|privileges?|rights?|access|scope)',
  'not (?:permitted|entitled|allowed to|authori[sz]ed)',
  'forbidden',
  'you (?:are|were|have been) (?:blocked|banned)',
  'you are not (?:allowed|permitted)',
  'not recogni[sz]e you',
  'request (?:is |was |has been )?(?:blocked|rejected|denied)',
  'blocked by',
  'security (?:violation|policy)',
  '(?:verify|confirm|prove) (?:your|the) identity',
  'url (?:is |was |has been )?(?:blocked|rejected)',
  '(?:zugriff|zugang) (?:verweigert|gesperrt)',
  'acc[eè]s (?:refusé|interdit)',
  'acceso denegado',
  'accesso negato',
  'acesso negado',
  'toegang geweigerd',
);

/** Words that reject something. */
const REJECTED = words(
  '(?:in|not )valid(?:ated)?',
  'incorrect(?:ly)?',
  'wrong(?:ly)?',
  'fail(?:s|ed|ure|ures|ing)?',
  'unsuccessful',
  '(?:b|un)?lock(?:ed|out|s)?',
  'locked out',
  'disabled?',
  'expir(?:ed|es|y)',
  'den(?:y|ied|ies)',
  'block(?:ed|s)?',
  'suspend(?:ed)?',
  'suspension',
  'unknown',
  'unrecogni[sz]ed',
  'mis ?match(?:ed|es)?',
  'reject(?:ed|s|ion)?',
  'refus(?:ed|es|al)',
  'bad',
  'revoked?',
  'deactivated?',
  'inactive',
  'terminated?',
  'closed',
  'forbidden',
  'unauthori[sz]ed',
  'unauthenticated',
  'required',
  'missing',
  'illegal',
  'banned',
  'barred',
  'restricted',
  'prohibited',
  'no such',
  'not (?:been |be |currently |a )?(?:accept(?:ed)?|recogni[sz]ed?|found|match(?:ed|ing)?|correct|exist|known|active|activated|authori[sz]ed|authenticated?|allowed|permitted|enabled|registered|approved|verified|work|logged|signed|sufficient)',
  "(?:does|do|did|is|are|was|were|has|have|can|could) ?n[o' ]?t (?:been |be )?(?:accept(?:ed)?|recogni[sz]ed?|found|match(?:ed)?|correct|exist|valid(?:ated?)?|verif(?:y|ied)|authenticated?|log(?:ged)?|sign(?:ed)?|permitted|allowed|active|known)",
  'cannot (?:be )?(?:verif(?:y|ied)|authenticated?|found|log|sign|accept(?:ed)?|valid(?:ated?))',
  '(?:unable|must) (?:to )?(?:first )?(?:be )?(?:verify|authenticated?|find|log(?:ged)?|sign(?:ed)?|validate|change|reset)',
  'too many (?!requests|calls|connections|queries)',
  'attempts?',
  'retries',
  "(?:can|could|did|does|is|won) ?n't",
  '(?:log ?in|log ?on|sign ?in|authentication|auth|authori[sz]ation|pass ?word|credentials?) (?:error|problem|exception)',
  'falsch(?:e[rns]?)?',
  'ungültig(?:e[rns]?)?',
  'gesperrt',
  'abgelaufen',
  'fehlgeschlagen',
  'incorrecte?s?',
  'invalides?',
  'inválid[ao]s?',
  'incorrect[ao]s?',
  'bloqu(?:é|ead[ao])',
  'expir(?:é|ad[ao])',
  'errat[ao]',
  'ongeldig',
  'onjuist',
);

/** Somebody who is rejected by name: "unknown user", "customer 17 is suspended", "IP address not allowed". */
const PARTY =
  '(?:users?|customers?|clients?|resellers?|partners?|members?|subscribers?|sessions?|(?:access |api |security )?(?:tokens?|keys?)|secrets?|subscriptions?|memberships?|pins?|ip(?: address(?:es)?)?|grant|principal|identity)';
const REJECTED_PARTY = words(
  `(?:unknown|invalid|wrong|incorrect|bad|no such|disabled|blocked|locked|expired|inactive|suspended|unrecogni[sz]ed)(?: [^ ]{1,64})? ${PARTY}`,
  `${PARTY}(?: [^ ]{1,64}){0,6} (?:invalid|mismatch|unknown|disabled|blocked|locked|expired|inactive|suspended|deactivated|revoked|banned|denied|rejected|wrong|incorrect|timed out|not (?:found|known|active|valid|allowed|permitted|recogni[sz]ed|registered|whitelisted)|does ?n[o' ]?t exist)`,
);

/** What happens to an account, even if a text is about a payment. */
const LOCKED = words('lock(?:ed)?', 'disabled', 'suspended', 'blocked', 'deactivated', 'terminated', 'closed');

const PAYMENT = words('payments?', 'pay', 'paid', 'unpaid', 'invoices?', 'billing', 'funds?', 'balance', 'credit');

/** Subjects of texts that name a login or an account only in passing. */
const OTHER_SUBJECT = words(
  'maintenance',
  'upgrad(?:e|es|ed|ing)',
  'be (?:right )?back',
  'back (?:soon|shortly|online)',
  '(?:un|not )available',
  'outage',
  'offline',
  'overloaded',
  'bad gateway',
  'gateway time ?out',
  'internal (?:server )?error',
  'rate limit(?:ed|s|ing)?',
  'too many requests',
  'quota',
  'call limit',
  'throttl(?:ed|ing)',
  'being (?:processed|issued|validated)',
  'in progress',
  'pending',
  'awaiting',
  'payments?',
  'invoices?',
  'billing',
  'balance',
  'funds?',
  'dns',
  'caa',
  'page not found',
);

const SUCCESS = words('successful(?:ly)?', '(?:success|ok)(?! (?:false|no|0))', 'succeeded', 'accepted');

/** Words that refuse something, which can be the login. */
const REFUSED = words('denied', 'banned', 'who are you');

/** The arguments of a request that are the login. */
const LOGIN_ARGUMENT = /login[\s_-]?(?:name|pass)/i;
/** The arguments that are not. */
const OTHER_ARGUMENT = words('orders?(?: number)?', 'response (?:type|encoding)');

const MAINTENANCE = words('maintenance', 'upgrad(?:e|es|ed|ing)');

/** Whether the text of an error names loginName or loginPassword, in any case. */
export function namesLoginArgument(text: string): boolean {
  return LOGIN_ARGUMENT.test(text);
}

/** Whether the text of an error names another argument of the request. */
export function namesOtherArgument(text: string): boolean {
  return OTHER_ARGUMENT.test(toWords(text));
}

/** Whether a text is about the login: it may say that the login was rejected. */
export function isAboutLogin(text: string): boolean {
  const wording = toWords(text);
  const sentences = wording.split(SENTENCE_END);
  if (sentences.some(rejectsLogin)) {
    return true;
  }
  return (
    !OTHER_SUBJECT.test(wording) &&
    sentences.some(
      (sentence) =>
        [LOGIN, ACCOUNT, REFUSED].some((expression) => expression.test(sentence)) && !SUCCESS.test(sentence),
    )
  );
}

/** Whether one sentence connects a word about the login with a word that rejects it. */
export function saysLoginRejected(text: string): boolean {
  return toWords(text)
    .split(SENTENCE_END)
    .some((sentence) => rejectsLogin(sentence) && !MAINTENANCE.test(sentence));
}

function rejectsLogin(sentence: string): boolean {
  if (PAYMENT.test(sentence) && !LOGIN.test(sentence)) {
    return ACCOUNT.test(sentence) && LOCKED.test(sentence);
  }
  return (
    ((LOGIN.test(sentence) || ACCOUNT.test(sentence)) && REJECTED.test(sentence)) ||
    REFUSED_ACCESS.test(sentence) ||
    REJECTED_PARTY.test(sentence)
  );
}

/** Whether a page asks for a password, or sends the browser to another page that does. */
export function isLoginPage(page: string): boolean {
  return (
    /\btype\s{0,3}=\s{0,3}["']?password\b/i.test(page) ||
    /(?:\blocation(?:\.href)?|\burl)\s{0,3}=\s{0,3}["']?[^"'>\s]{0,200}(?:log-?in|log-?on|sign-?in|\bsso\b|\bauth)/i.test(
      page,
    )
  );
}

const LOGIN_ADDRESS = words(
  'log ?ins?',
  'log ?on',
  'log ?out',
  'sign ?in',
  'sign ?on',
  'sso',
  'o?auth2?',
  'authenticat(?:e|ion)',
  'authori[sz](?:e|ation)',
  'saml2?',
  'idp',
  'adfs',
  'cas',
  'accounts?',
  'sessions?',
  'pass ?words?',
  'unauthori[sz]ed',
  'denied',
  'forbidden',
  'expired',
  '40[13]',
);
const OTHER_ADDRESS = words('maintenance', 'unavailable', 'outage', 'offline');

/** Whether the target of a redirect is a page for a login, or one that says that access is denied. */
export function isLoginAddress(location: string): boolean {
  const wording = toWords(location.replaceAll(/[^A-Za-z0-9]/g, ' '));
  return (LOGIN_ADDRESS.test(wording) || /login|signin|logon/.test(wording)) && !OTHER_ADDRESS.test(wording);
}

/** The end of a sentence, of a line, or of a list's item. */
const SENTENCE_END = /[.!?;](?:\s|$)|\n/;

/** A long text without spaces: base64, or words that `+`, `-`, `_` or `/` separates. */
const LONG_RUN = /[A-Za-z0-9+/_-]{60,}/g;

/** Small letters, also with a capital before them; capitals; digits. */
const WORD = /[A-Z]?[a-z]+|[A-Z]+|\d+/g;

/**
 * Whether a long run is base64, which contains short words by chance: `-SSO-`, `_2FA_`. Of 100 characters of a text, 13 to
 * 24 begin a word, and 37 if nearly all words have two letters; of base64, 52. Of 100,000 random runs of 60 characters,
 * about 300 have at most 37 %. In case of doubt, a run is a text: a rejected login that is not recognized would be sent again.
 */
function isBase64(run: string): boolean {
  return (run.match(WORD)?.length ?? 0) > 0.37 * run.length;
}

/** Lower case; names in camel case or with underscores as words; without addresses and base64. */
function toWords(text: string): string {
  const withoutUrls = text
    .replace(/https?:\/\/[^\s"'<>]*/g, ' ')
    .replace(LONG_RUN, (run) => (isBase64(run) ? ' ' : run));
  // The search for addresses tries 64 characters at every place, so it is left out if there is none.
  const withoutAddresses = withoutUrls.includes('@')
    ? withoutUrls.replace(/[^\s@]{1,64}@[^\s@]{1,255}/g, ' ')
    : withoutUrls;
  return withoutAddresses
    .replace(/(^|[\s"'=:(])\/[\w./-]*/g, '$1 ')
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .replace(/user[ -]agents?/g, ' ')
    .replace(/[’‘`´]/g, "'")
    .replace(/\.(?=[^\s.])|[_\-\u2010-\u2015"()[\]{}<>*:,/\\|=+\t\r\v\f\u00a0 ]+/g, ' ')
    .replace(/ {2,}/g, ' ');
}
