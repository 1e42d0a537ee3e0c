// Reasons go into XML, logs and terminals, and not all of them can carry what a key or a claim may hold.
const UNSHOWABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** A text of somebody else, with what cannot be shown replaced. */
export const showable = (text: string): string => text.toWellFormed().replace(UNSHOWABLE, '\uFFFD');
