// The official Node SDK, unmodified, against the sandbox. Prints one line per check.

import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import * as lark from '@larksuiteoapi/node-sdk';

const ready = JSON.parse(process.argv[2]);
const base = ready.base_url;
const me = ready.apps.find((app) => app.name === 'node');
const lobby = ready.chats.find((chat) => chat.name === 'lobby').chat_id;
const patienceMs = 15_000;

// The SDK's log goes to stderr: stdout is the list of checks.
const write = (...words) => console.error(...words);
const logger = { error: write, warn: write, info: write, debug: write, trace: write };

const events = [];
let raiseOnce = 0;
let failed = 0;

async function check(name, body) {
  try {
    await body();
    console.log(`ok node: ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL node: ${name}: ${String(error?.message ?? error).replaceAll('\n', ' ')}`);
  }
}

async function control(what, body) {
  const response = await fetch(`${base}/sandbox/${what}`, { method: 'POST', body: JSON.stringify(body) });
  const answer = await response.json();
  assert.notEqual(answer.ok, false, answer.error);
  return answer;
}

async function state(query = {}) {
  return (await fetch(`${base}/sandbox/state?${new URLSearchParams(query)}`)).json();
}

const myApp = async () => (await state()).apps.find((app) => app.name === 'node');
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function until(what, wished) {
  for (const end = Date.now() + patienceMs; Date.now() < end; await sleep(50)) {
    const found = await wished();
    if (found) return found;
  }
  throw new Error(`never happened: ${what}`);
}

const received = (id) => until(`event ${id}`, () => events.find((event) => event.message.message_id === id));
const say = async (body) => (await control('say', { chat: lobby, from: 'ann', ...body })).message_id;

async function delivery(messageId) {
  return (await state({ message_id: messageId })).deliveries.find((known) => known.app === 'node');
}

const acked = (messageId, attempts) =>
  until(`${messageId} acknowledged after ${attempts} attempts`, async () => {
    const known = await delivery(messageId);
    return known.acks === 1 && known.attempts === attempts;
  });

const dispatcher = new lark.EventDispatcher({ logger }).register({
  'im.message.receive_v1': async (data) => {
    if (raiseOnce > 0) {
      raiseOnce -= 1;
      throw new Error('a handler that fails, on purpose');
    }
    events.push(data);
  },
  'card.action.trigger': async (data) => ({ toast: { type: 'success', content: data.action.value.k } }),
});
const socket = new lark.WSClient({
  appId: me.app_id, appSecret: me.app_secret, domain: base, logger, loggerLevel: lark.LoggerLevel.debug,
});
const client = new lark.Client({ appId: me.app_id, appSecret: me.app_secret, domain: base, logger });

async function send(msgType, content) {
  const answer = await client.im.v1.message.create({
    params: { receive_id_type: 'chat_id' },
    data: { receive_id: lobby, msg_type: msgType, content: JSON.stringify(content) },
  });
  assert.equal(answer.code, 0, answer.msg);
  return answer.data;
}

await check('refuses a wrong secret', async () => {
  const error = await new Promise((resolve) => {
    setTimeout(() => resolve(new Error('it neither connected nor gave up')), patienceMs).unref();
    const wrong = new lark.WSClient({
      appId: me.app_id, appSecret: 'wrong', domain: base, logger, onError: resolve,
      onReady: () => resolve(new Error('a wrong secret was accepted')),
    });
    wrong.start({ eventDispatcher: dispatcher });
  });
  assert.match(String(error?.message), /1000040345/);
});

await check('connects and pings', async () => {
  await socket.start({ eventDispatcher: dispatcher });
  await until('one connection', async () => (await myApp()).connections === 1);
  await until('a second ping', async () => (await myApp()).pings >= 2);
});

await check('receives text, acknowledged', async () => {
  const id = await say({ text: 'hello @node', mention: ['node'] });
  const event = await received(id);
  assert.deepEqual(JSON.parse(event.message.content), { text: 'hello @_user_1' });
  assert.equal(event.message.mentions[0].id.open_id, me.open_id);
  assert.equal(event.sender.sender_type, 'user');
  await acked(id, 1);
});

await check('receives a post', async () => {
  const content = { zh_cn: { title: 'T', content: [[{ tag: 'text', text: 'body' }]] } };
  const event = await received(await say({ msg_type: 'post', content }));
  assert.equal(JSON.parse(event.message.content).title, 'T');
});

await check('receives a chunked event', async () => {
  await control('fault', { kind: 'chunk', app: 'node', parts: 5, shuffle: true, count: 1 });
  const text = 'a long text '.repeat(400);
  const id = await say({ text });
  assert.equal(JSON.parse((await received(id)).message.content).text, text);
  await acked(id, 1);
});

await check('is asked again after a handler error', async () => {
  raiseOnce = 2;
  const id = await say({ text: 'please fail twice' });
  await received(id);
  await acked(id, 3);
  assert.deepEqual((await delivery(id)).ack_codes, [500, 500, 200]);
});

await check('answers a card callback', async () => {
  const sent = await send('interactive', { elements: [{ tag: 'markdown', content: 'choose' }] });
  const answer = await control('card', { message_id: sent.message_id, from: 'ann', value: { k: 'approve' } });
  assert.equal(answer.code, 200);
  assert.equal(answer.data.toast.content, 'approve');
});

await check('survives garbage', async () => {
  await control('fault', { kind: 'garbage', app: 'node', count: 1 });
  await received(await say({ text: 'after the garbage' }));
});

await check('takes a configuration from a pong', async () => {
  await control('fault', { kind: 'pong_config', app: 'node', count: 1 });
  await until('the pong was sent', async () => (await state()).faults_armed === 0);
  await received(await say({ text: 'after the configuration' }));
});

await check('reconnects after a drop', async () => {
  const before = (await myApp()).connections_opened;
  await control('fault', { kind: 'drop', app: 'node' });
  await until('a new connection', async () => {
    const app = await myApp();
    return app.connections_opened === before + 1 && app.connections === 1;
  });
  await received(await say({ text: 'after the drop' }));
});

// This SDK takes the 64-bit LogID through a double and gives it back rounded; in production that is accepted.
await check('echoes frames, LogID rounded', async () => {
  const mine = (await state()).ack_errors.filter((error) => error.app === 'node');
  assert.deepEqual(mine.filter((error) => error.error !== 'LogID is not echoed'), []);
});

await check('REST sends text', async () => {
  const sent = await send('text', { text: 'hello from the SDK' });
  assert.equal(sent.chat_id, lobby);
  const known = (await state({ message_id: sent.message_id })).messages[0];
  assert.deepEqual(JSON.parse(known.content), { text: 'hello from the SDK' });
});

await check('REST replies', async () => {
  const first = await send('text', { text: 'root' });
  const answer = await client.im.v1.message.reply({
    path: { message_id: first.message_id },
    data: { msg_type: 'text', content: JSON.stringify({ text: 'answer' }) },
  });
  assert.equal(answer.data.parent_id, first.message_id);
});

await check('REST lists messages', async () => {
  const ids = [];
  const params = { container_id_type: 'chat', container_id: lobby, page_size: 3 };
  for await (const page of await client.im.v1.message.listWithIterator({ params })) {
    ids.push(...page.items.map((item) => item.message_id));
  }
  assert.ok(ids.length > 3 && new Set(ids).size === ids.length, `${ids.length} messages`);
});

await check('REST uploads and downloads a file', async () => {
  const content = Buffer.from('some bytes '.repeat(1000));
  const uploaded = await client.im.v1.file.create({
    data: { file_type: 'stream', file_name: 'notes.txt', file: content },
  });
  const sent = await send('file', { file_key: uploaded.file_key });
  const resource = await client.im.v1.messageResource.get({
    path: { message_id: sent.message_id, file_key: uploaded.file_key }, params: { type: 'file' },
  });
  const chunks = [];
  for await (const chunk of Readable.from(resource.getReadableStream())) chunks.push(chunk);
  assert.deepEqual(Buffer.concat(chunks), content);
});

socket.close();
process.exit(failed === 0 ? 0 : 1);
