/** Trials of sessions: whether the store itself holds a caller to what policy grants, and understands what it is told. */
import type { Verb } from '../../s3/operations/verb.ts';
import { get, good, isGood, lacks, put, said, untried, works, type Trial } from './trial.ts';

const GRANTED: readonly Verb[] = [
  'GET_TAGS',
  'PUT_TAGS',
  'GET_ACL',
  'PUT_ACL',
  'GET_LOCK',
  'PUT_LOCK',
  'GET_VERSION',
  'DELETE_VERSION',
];

export const SESSION_TRIALS: readonly Trial[] = [
  {
    id: 'session-policy',
    what: 'sessions are held to their policy by the store',
    lost: 'the second fence: whoever gets hold of a session of the gateway reaches all that its role may do',
    needed: true,
    run: async (context) => {
      if (context.method === 'static')
        return untried('method: static has no sessions; this gateway alone enforces policy');
      const [inside, outside] = [context.key('in/object'), context.key('out/object')];
      for (const key of [inside, outside]) good('PutObject', await put(context, key, 'there'));
      const send = await context.narrow({ verbs: ['GET'], prefix: context.key('in/') });
      if (send === undefined) return lacks('the store refuses a session with a policy');
      const allowed = await get({ send }, inside);
      if (!isGood(allowed)) return lacks(`what the policy allows: ${said(allowed)}`);
      const forbidden = {
        'GET beside the prefix': await get({ send }, outside),
        'PUT within it': await put({ send }, context.key('in/new'), 'x'),
        'DELETE within it': await send({ method: 'DELETE', key: inside, query: [], headers: {} }),
        LIST: await send({
          method: 'GET',
          key: '',
          query: [
            ['list-type', '2'],
            ['prefix', context.key('in/')],
          ],
          headers: {},
        }),
      };
      const passed = Object.entries(forbidden).flatMap(([what, reply]) => (isGood(reply) ? [what] : []));
      return passed.length === 0
        ? works('4 of 4 that it forbids are refused')
        : lacks(`passed, though forbidden: ${passed.join(', ')}`);
    },
  },
  {
    id: 'session-actions',
    what: "session policies with any action of S3's are taken",
    lost: 'every request of a caller who is granted one of these verbs is refused (503)',
    needed: false,
    run: async (context) => {
      if (context.method === 'static') return untried('method: static has no sessions');
      const refused: string[] = [];
      for (const verb of GRANTED) {
        const send = await context.narrow({ verbs: ['GET', verb], prefix: context.key(`of-${verb}/`) });
        if (send === undefined) refused.push(verb);
      }
      return refused.length === 0
        ? works(`with each of ${GRANTED.length} verbs`)
        : lacks(`refused with ${refused.join(', ')}`);
    },
  },
  {
    id: 'web-identity',
    what: 'STS knows AssumeRoleWithWebIdentity',
    lost: '`method: web-identity`',
    needed: false,
    run: async (context) => {
      if (context.method === 'static') return untried('method: static has no STS');
      const reply = await context.webIdentity();
      const isKnown =
        reply.status === 403 || reply.status === 401 || /Identity|Token|IDP|AccessDenied/.test(reply.code ?? '');
      return isKnown ? works(`a token of nobody is refused: ${said(reply)}`) : lacks(said(reply));
    },
  },
];
