import assert from "node:assert/strict";
import { test } from "node:test";
import { Chat, MAX_TEXT } from "../src/chat.js";
import type { ChatMessage } from "../src/chat.js";
import { stateWords } from "../src/chat-panel.js";
import { Hands } from "../src/hands.js";

class Channel extends EventTarget {
  readyState = "connecting";
  readonly written: Record<string, unknown>[] = [];

  send(text: string): void {
    this.written.push(JSON.parse(text) as Record<string, unknown>);
  }

  become(state: "open" | "closed"): void {
    this.readyState = state;
    this.dispatchEvent(new Event(state === "open" ? "open" : "close"));
  }

  says(data: unknown): void {
    this.dispatchEvent(new MessageEvent("message", { data: typeof data === "string" ? data : JSON.stringify(data) }));
  }
}

function room(names: string[], data = true) {
  const channels: Channel[] = [];
  const participants = new Map(names.map((name) => [`PA_${name}`, { id: `PA_${name}`, name }]));
  const openDataChannel = () => {
    channels.push(new Channel());
    return channels.at(-1) as unknown as RTCDataChannel;
  };
  return { state: "connected", participants, localParticipant: { grants: { data }, openDataChannel }, channels };
}

function listen(chat: Chat, name: string): Channel {
  const channel = new Channel();
  chat.listen(channel as unknown as RTCDataChannel, { id: `PA_${name}`, name }, "chat");
  return channel;
}

test("a message is told as delivered once for each who says so, of those who were there", () => {
  const here = room(["ada", "bob"]);
  const chat = new Chat(here, [], () => undefined);
  const message = chat.send("hello", 1);
  assert.equal(stateWords(message), "Not sent yet: the connection is being restored");
  here.channels[0]?.become("open");
  assert.deepEqual(here.channels[0]?.written, [{ id: message.id, text: "hello" }]);
  assert.equal(stateWords(message), "Sending…");
  const ada = listen(chat, "ada");
  ada.says({ delivered: message.id });
  ada.says({ delivered: message.id });
  listen(chat, "late").says({ delivered: message.id });
  assert.equal(stateWords(message), "Delivered to 1 of 2");
  listen(chat, "bob").says({ delivered: message.id });
  assert.equal(stateWords(message), "Delivered to all 2");
});

test("whoever leaves is no longer waited for", () => {
  const here = room(["ada", "bob"]);
  const chat = new Chat(here, [], () => undefined);
  here.channels[0]?.become("open");
  const message = chat.send("hello");
  listen(chat, "ada").says({ delivered: message.id });
  chat.left("PA_bob");
  assert.equal(stateWords(message), "Delivered");
});

test("what may not have arrived is sent again over a new channel, and shown once", () => {
  const here = room(["ada"]);
  const chat = new Chat(here, [], () => undefined);
  here.channels[0]?.become("open");
  const message = chat.send("hello");
  here.channels[0]?.become("closed");
  assert.equal(here.channels.length, 2);
  here.channels[1]?.become("open");
  assert.deepEqual(here.channels[1]?.written, [{ id: message.id, text: "hello" }]);

  const ada = listen(chat, "ada");
  ada.says({ id: "1", text: "hi" });
  ada.says({ id: "1", text: "hi" });
  assert.equal(chat.messages.filter(({ from }) => from === "ada").length, 1);
  assert.deepEqual(here.channels[1]?.written.slice(1), [{ delivered: "1" }, { delivered: "1" }]);
});

test("a channel that never opened is not opened again and again, but when the connection is back", () => {
  const here = room([]);
  const chat = new Chat(here, [], () => undefined);
  here.channels[0]?.become("closed");
  assert.equal(here.channels.length, 1);
  chat.mend();
  assert.equal(here.channels.length, 2);
});

test("what is no message is ignored", () => {
  const chat = new Chat(room(["ada"]), [], () => undefined);
  const ada = listen(chat, "ada");
  for (const bad of ["{", "null", "7", { id: 1, text: "x" }, { id: "1" }, { id: "1", text: " " }, { delivered: 7 }]) {
    ada.says(bad);
  }
  ada.says({ id: "1", text: "x".repeat(MAX_TEXT + 1) });
  assert.equal(chat.messages.length, 0);
});

test("without the grant one reads and opens nothing", () => {
  const here = room(["ada"], false);
  const chat = new Chat(here, [], () => undefined);
  listen(chat, "ada").says({ id: "1", text: "hi" });
  assert.equal(here.channels.length, 0);
  assert.equal(chat.messages[0]?.text, "hi");
});

test("what waited when a call was lost goes to those who are in the next one", () => {
  const log: ChatMessage[] = [];
  new Chat(room(["ada"]), log, () => undefined).send("hello");
  const next = room(["bob"]);
  const chat = new Chat(next, log, () => undefined);
  next.channels[0]?.become("open");
  assert.equal(next.channels[0]?.written.length, 1);
  listen(chat, "bob").says({ delivered: log[0]?.id });
  assert.equal(log[0] && stateWords(log[0]), "Delivered");
});

test("a raised hand is told to everybody, to whoever comes later, and forgotten with its owner", async () => {
  const told: [string, unknown][] = [];
  const hands = new Hands({
    sendData: (payload, { to }) => {
      told.push([payload, to]);
      return Promise.resolve();
    },
  });
  await hands.joined("PA_1");
  await hands.toggle(5);
  await hands.joined("PA_2");
  assert.deepEqual(told, [
    ['{"raised":true,"at":5}', undefined],
    ['{"raised":true,"at":5}', ["PA_2"]],
  ]);
  assert.equal(hands.receive('{"raised":true,"at":9}', "PA_1", "hand"), "raised");
  assert.equal(hands.receive('{"raised":true,"at":9}', "PA_1", "hand"), undefined);
  assert.equal(hands.receive('{"raised":true,"at":1}', "PA_2", "hand"), "raised");
  assert.deepEqual([hands.place("PA_2"), hands.place("PA_1")], [1, 3]);
  assert.equal(hands.receive("{", "PA_1", "hand"), "lowered");
  assert.equal(hands.receive("{}", "PA_1", "other"), undefined);
  hands.left("PA_2");
  assert.equal(hands.place("PA_2"), 0);
});

test("a hand that nobody can be told of stays down", async () => {
  const hands = new Hands({ sendData: () => Promise.reject(new Error("lost")) });
  await assert.rejects(hands.toggle());
  assert.equal(hands.raised, false);
});
