// Reasons go into XML, logs and terminals, and not all of them can carry what a key or a claim may hold.
const UNSHOWABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** A text of somebody else, with what cannot be shown replaced. */
export const showable = (text: string): string => text.toWellFormed().replace(UNSHOWABLE, '\uFFFD');

/** Characters of a caller's own input that a sentence repeats. */
const MAX_SHOWN = 256;

/** The same of a text that may be long. */
export const shown = (text: string): string =>
  showable(text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text);
