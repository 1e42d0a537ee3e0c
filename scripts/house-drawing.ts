/**
 * The drawing of docs/architecture.md, from the imports between files. Enters: what a cruise of `src` saw. Leaves: a Mermaid flowchart of
 * rooms (the folders of `src`, and `main.ts`). An arrow means "imports"; one that follows from others is left out.
 */
import type { ICruiseResult } from 'dependency-cruiser';

const BEGIN = '<!-- drawing: made by `npm run docs` -->';
const END = '<!-- end of the drawing -->';

/** Gives the room of a file of `src`, such as `s3` of `src/s3/request/request.ts`; the one loose file is the room `main`. */
const roomOf = (path: string): string => (path.split('/')[1] ?? '').replace(/\.ts$/, '');

/** Gives each room with the rooms that it imports. */
export function roomsOf({ modules }: ICruiseResult): ReadonlyMap<string, ReadonlySet<string>> {
  const rooms = new Map<string, Set<string>>();
  for (const { source, dependencies } of modules.filter(({ source }) => source.startsWith('src/'))) {
    const room = roomOf(source);
    const imported = rooms.get(room) ?? new Set();
    for (const { resolved } of dependencies) {
      if (resolved.startsWith('src/') && roomOf(resolved) !== room) imported.add(roomOf(resolved));
    }
    rooms.set(room, imported);
  }
  return rooms;
}

/** Draws the rooms. @throws Error two rooms import each other: there is no order to draw */
export function drawingOf(rooms: ReadonlyMap<string, ReadonlySet<string>>): string {
  const behind = new Map<string, ReadonlySet<string>>();
  const reached = (room: string, path: readonly string[]): ReadonlySet<string> => {
    if (path.includes(room)) throw new Error(`rooms import each other: ${[...path, room].join(' -> ')}`);
    const known = behind.get(room);
    if (known !== undefined) return known;
    const all = new Set<string>();
    for (const next of rooms.get(room) ?? []) {
      all.add(next);
      for (const further of reached(next, [...path, room])) all.add(further);
    }
    behind.set(room, all);
    return all;
  };
  const arrows = [...rooms]
    .toSorted(([one], [other]) => one.localeCompare(other))
    .flatMap(([room, imported]) => {
      reached(room, []);
      const direct = [...imported].filter((next) => ![...imported].some((other) => reached(other, []).has(next)));
      return direct.toSorted().map((next) => `  ${room} --> ${next}`);
    });
  return ['```mermaid', 'flowchart TD', ...arrows, '```'].join('\n');
}

/** Puts the drawing into its place in the page. @throws Error the page has no such place */
export function withDrawing(page: string, drawing: string): string {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (from === -1 || to < from) throw new Error(`docs/architecture.md has no place for the drawing: ${BEGIN} … ${END}`);
  return `${page.slice(0, from)}${BEGIN}\n\n${drawing}\n\n${page.slice(to)}`;
}
