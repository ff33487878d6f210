import assert from "node:assert/strict";
import { test } from "node:test";
import { Probe, mediaPorts, turnPorts } from "../src/probe.js";
import { FakeBrowser, settle } from "./fakes.js";

async function probed(act: (browser: FakeBrowser) => unknown): Promise<boolean[]> {
  const browser = new FakeBrowser();
  const results: boolean[] = [];
  new Probe("stun:192.0.2.1:20000", browser.environment, (open) => results.push(open));
  await settle();
  assert.deepEqual(browser.pc.config.iceServers, [{ urls: ["stun:192.0.2.1:20000"] }]);
  act(browser);
  await browser.pass(20_000);
  assert.equal(browser.pc.signalingState, "closed", "a probe is closed whatever comes");
  assert.equal(browser.timers, 0);
  return results;
}

test("a probe: answered, refused, unanswered, closed early", async () => {
  const complete = ({ pc }: FakeBrowser) => {
    pc.iceGatheringState = "complete";
    pc.dispatchEvent(new Event("icegatheringstatechange"));
  };
  assert.deepEqual(await probed(complete), [true]);
  const refused = ({ pc }: FakeBrowser) => pc.dispatchEvent(new Event("icecandidateerror"));
  const reflexive = ({ pc }: FakeBrowser) =>
    pc.dispatchEvent(Object.assign(new Event("icecandidate"), { candidate: { type: "srflx" } }));
  const inTurn = (...acts: ((browser: FakeBrowser) => void)[]) => probed((browser) => acts.forEach((act) => act(browser)));
  assert.deepEqual(await inTurn(refused), [false]);
  assert.deepEqual(await inTurn(refused, complete), [false]);
  assert.deepEqual(await inTurn(refused, reflexive, complete), [true], "one interface of two has a route");
  assert.deepEqual(await probed(() => undefined), [false]);
  const browser = new FakeBrowser();
  const probe = new Probe("stun:x", browser.environment, () => assert.fail("it was closed"));
  probe.close();
  await browser.pass(20_000);
  assert.equal(browser.open.length, 0);
});

test("the server's media ports are its host candidates over UDP", () => {
  const answer = [
    "a=candidate:1 1 udp 2130706431 203.0.113.10 20000 typ host",
    "a=candidate:1 1 udp 2130706431 203.0.113.10 20000 typ host",
    "a=candidate:2 1 UDP 2130706430 2001:db8::1 20001 typ host generation 0",
    "a=candidate:3 1 tcp 1518280447 203.0.113.10 443 typ host tcptype passive",
    "a=candidate:4 1 udp 1694498815 198.51.100.1 30000 typ srflx raddr 0.0.0.0 rport 0",
  ].join("\r\n");
  assert.deepEqual(mediaPorts(answer), ["stun:203.0.113.10:20000", "stun:[2001:db8::1]:20001"]);
  assert.deepEqual(mediaPorts(""), []);
});

test("TURN servers over UDP are probed, those over TCP and TLS are not", () => {
  const servers = [
    { urls: ["turn:a.example:3478", "turn:b.example:3478?transport=udp", "turn:c.example:3478?transport=tcp"] },
    { urls: "turns:d.example:443?transport=tcp" },
  ];
  assert.deepEqual(turnPorts(servers), ["stun:a.example:3478", "stun:b.example:3478"]);
});
