/** A value that is made of another one, kept, and made anew as soon as that is another one (by identity). */

/** Makes it when it is first asked for. @throws what `make` throws; then the value before stays unused */
export function derived<From, Made>(from: () => From, make: (from: From) => Made): () => Made {
  let last: { readonly from: From; readonly made: Made } | undefined;
  return () => {
    const now = from();
    if (last === undefined || last.from !== now) last = { from: now, made: make(now) };
    return last.made;
  };
}
