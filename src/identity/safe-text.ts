/** Control, format, line and surrogate code points: they forge log lines, hide in names, and have no one encoding. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/** Tells whether a value is text that every log, document and policy can carry as it is, and not empty. */
export const isSafeText = (value: unknown, maxLength: number): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= maxLength && !UNSAFE.test(value);
