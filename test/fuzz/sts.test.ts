import assert from 'node:assert/strict';
import fc from 'fast-check';
import { GatewayError } from '../../src/errors/gateway-error.ts';
import { parseForm } from '../../src/sts/read-form.ts';

const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9.]{0,20}$/);

describe('forms of STS (fuzz)', () => {
  it('come back as they were written, whatever their values', () => {
    const pairs = fc.uniqueArray(fc.tuple(name, fc.string({ unit: 'grapheme', maxLength: 50 })), {
      minLength: 1,
      maxLength: 16,
      selector: ([field]) => field,
    });
    fc.assert(
      fc.property(pairs, (fields) => {
        const form = new URLSearchParams(
          fields.map(([field, value]): [string, string] => [field, value.toWellFormed()]),
        );
        assert.deepEqual(
          [...parseForm(form.toString())],
          fields.map(([field, value]) => [field, value.toWellFormed()]),
        );
      }),
    );
  });

  it('are read as others read them, or refused: never in a third way', () => {
    const text = fc.oneof(
      fc.string({ maxLength: 200 }),
      fc
        .array(fc.constantFrom('Action', '=', '&', ';', '%', '+', '%26', '%3D', '%00', '%C3', '%A4', 'ä', '[]', 'x'), {
          maxLength: 20,
        })
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, (form) => {
        try {
          assert.deepEqual([...parseForm(Buffer.from(form).toString('latin1'))], [...new URLSearchParams(form)]);
        } catch (error) {
          assert(error instanceof GatewayError && error.code === 'InvalidRequest', String(error));
        }
      }),
      { numRuns: 2000 },
    );
  });
});
