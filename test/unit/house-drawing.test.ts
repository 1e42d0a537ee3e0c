import assert from 'node:assert/strict';
import { drawingOf, withDrawing } from '../../scripts/house-drawing.ts';

const rooms = (imports: Readonly<Record<string, readonly string[]>>) =>
  new Map(Object.entries(imports).map(([room, imported]) => [room, new Set(imported)]));

describe('the drawing of the rooms', () => {
  it('leaves out the arrows that follow from others', () => {
    const drawing = drawingOf(rooms({ cli: ['app', 's3', 'errors'], app: ['s3'], s3: ['errors'], errors: [] }));
    assert.deepEqual(drawing.split('\n').slice(2, -1), ['  app --> s3', '  cli --> app', '  s3 --> errors']);
  });

  it('refuses rooms that import each other', () => {
    assert.throws(() => drawingOf(rooms({ a: ['b'], b: ['c'], c: ['a'] })), /a -> b -> c -> a/);
  });

  it('replaces what stood in its place, and needs one', () => {
    const page = 'Before.\n<!-- drawing: made by `npm run docs` -->\nold\n<!-- end of the drawing -->\nAfter.\n';
    const changed = withDrawing(page, 'new');
    assert.match(changed, /^Before\.[^]*\n\nnew\n\n[^]*After\.\n$/);
    assert.equal(withDrawing(changed, 'new'), changed);
    assert.throws(() => withDrawing('nothing', 'new'), /no place/);
  });
});
