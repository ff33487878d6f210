import assert from "node:assert/strict";
import { test } from "node:test";
import { clientReport } from "../src/connection-quality.js";
import { mediaMids } from "../src/transport.js";

function stats(...entries: { id: string; type: string; [field: string]: unknown }[]): RTCStatsReport {
  return new Map(entries.map((entry) => [entry.id, entry])) as unknown as RTCStatsReport;
}

const relay = { id: "L", type: "local-candidate", candidateType: "relay", relayProtocol: "tls" };
const pair = { id: "P", type: "candidate-pair", localCandidateId: "L", currentRoundTripTime: 0.05123 };

test("Chromium names the pair in its transport", () => {
  const report = clientReport(stats({ id: "T", type: "transport", selectedCandidatePairId: "P" }, relay, pair));
  assert.deepEqual(report, { candidateType: "relay", relayProtocol: "tls", rttMs: 51.2 });
});

test("Firefox marks the pair", () => {
  const host = { id: "L", type: "local-candidate", candidateType: "host" };
  const other = { ...pair, id: "O", currentRoundTripTime: 9 };
  assert.deepEqual(clientReport(stats(host, other, { ...pair, selected: true })), { candidateType: "host", rttMs: 51.2 });
});

test("without a pair or a round trip there is no report", () => {
  assert.equal(clientReport(stats()), undefined);
  assert.equal(clientReport(stats(relay, { id: "P", type: "candidate-pair", selected: true })), undefined);
});

test("mids come in the order of the sections, without the data section", () => {
  const sdp = "v=0\r\nm=audio 9 x\r\na=mid:0\r\nm=application 9 x\r\na=mid:1\r\nm=video 9 x\r\nc=x\r\na=mid:two\r\n";
  assert.deepEqual(mediaMids(sdp), ["0", "two"]);
});
