import { describeCases } from '../wrong-keys.ts';

const TLS = { certFile: 'test-only.crt.pem', keyFile: 'test-only.key.pem', clientCaFile: 'test-only.crt.pem' };
const listen = (value: unknown) => ({ listen: value });

describeCases('config/listen/checks', {
  'the listener': [
    ['must be given', listen({}), ['listen']],
    [
      'is a socket or an address, not both',
      listen({ socket: 's', address: '127.0.0.1:1', tls: TLS }),
      ['listen', 'listen.tls'],
    ],
    ['may be TCP with mutual TLS', listen({ address: '0.0.0.0:8443', tls: TLS }), []],
    ['is never plain TCP beyond loopback', listen({ address: '0.0.0.0:80' }), ['listen.address']],
    ['is not plain TCP on loopback without the switch', listen({ address: '127.0.0.1:80' }), ['listen.address']],
    ['is plain TCP on loopback with it', listen({ address: '127.0.0.1:80', allowPlaintextLoopback: true }), []],
    ['is plain TCP on IPv6 loopback with it', listen({ address: '[::1]:80', allowPlaintextLoopback: true }), []],
    [
      'is no more than loopback because of the switch',
      listen({ address: '10.0.0.1:80', allowPlaintextLoopback: true }),
      ['listen.address', 'listen.allowPlaintextLoopback'],
    ],
    [
      'does not take the name of another host for loopback',
      listen({ address: '127.example.com:80', allowPlaintextLoopback: true }),
      ['listen.address', 'listen.allowPlaintextLoopback'],
    ],
    [
      'needs the CA of its clients',
      listen({ address: '0.0.0.0:1', tls: { ...TLS, clientCaFile: undefined } }),
      ['listen.tls.clientCaFile'],
    ],
    ['has no socket that everybody may open', listen({ socket: 's', socketMode: '0666' }), ['listen.socketMode']],
    ['has a path that fits a socket address', listen({ socket: `/${'s'.repeat(107)}` }), ['listen.socket']],
  ],
});
