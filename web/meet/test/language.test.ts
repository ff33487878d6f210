import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { bestLanguage } from "../src/language.js";
import { LANGUAGES } from "../src/texts.js";

const { en, de } = LANGUAGES;

test("the first language that both know is spoken, English when there is none", () => {
  assert.equal(bestLanguage(["de-AT", "en"]), "de");
  assert.equal(bestLanguage(["", "fr-FR", "en-GB", "de"]), "en");
  assert.equal(bestLanguage(["fr"]), "en");
  assert.equal(bestLanguage(["constructor"]), "en");
});

test("one and many are told apart in both languages", () => {
  assert.equal(en.texts.people(1), "1 person");
  assert.equal(en.texts.people(0), "0 people");
  assert.equal(de.texts.people(1), "1 Person");
  assert.equal(de.texts.people(2), "2 Personen");
  assert.equal(en.texts.joined(["Ada"]), "Ada joined");
  assert.equal(de.texts.joined(["Ada", "Bob"]), "2 Personen sind gekommen");
  assert.equal(de.texts.deliveredTo(1, 1), "Zugestellt");
  assert.equal(de.texts.deliveredTo(2, 3), "2 von 3 zugestellt");
  assert.equal(en.texts.chatUnread(1), "Chat, 1 new message");
});

test("no text is left in English by oversight", () => {
  const alike = Object.entries(en.texts).filter(([key, text]) => {
    return typeof text === "string" && text === (de.texts as Record<string, unknown>)[key];
  });
  assert.deepEqual(alike.map(([key]) => key), ["chat"]);
});

test("the markup names texts that there are", () => {
  const html = readFileSync("meet/src/index.html", "utf8");
  const keys = [...html.matchAll(/data-(?:t|label|hint)="(\w+)"/g)].map(([, key]) => key ?? "");
  assert.ok(keys.length > 20);
  for (const key of keys) assert.equal(typeof (en.texts as Record<string, unknown>)[key], "string", key);
});
