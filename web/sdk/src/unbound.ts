/** A document of ours that may not capture; it lives as long as the page, as do connections made in it. */
let blind: HTMLIFrameElement | undefined;

/**
 * A peer connection whose sockets are bound to no interface, where the browser can be brought to it.
 *
 * Chromium lists the interfaces for a page that may capture, and on Linux takes up an address that comes in
 * the middle of a call two seconds after the last change. A document that may not capture gets the default
 * route only (RFC 8828, section 5.2, mode 2): its sockets are bound to the any address, so packets leave by
 * whatever route the system has at that moment. Other browsers need no such help.
 */
export function createUnbound(config: RTCConfiguration): RTCPeerConnection {
  const Connection = "userAgentData" in navigator ? blindWindow()?.RTCPeerConnection : undefined;
  return new (Connection ?? RTCPeerConnection)(config);
}

type BlindWindow = Window & { RTCPeerConnection?: typeof RTCPeerConnection };

function blindWindow(): BlindWindow | undefined {
  if (!blind?.isConnected) {
    blind = document.createElement("iframe");
    blind.allow = "camera 'none'; microphone 'none'";
    blind.hidden = true;
    blind.title = "Roomline";
    blind.setAttribute("aria-hidden", "true");
    document.documentElement.append(blind);
  }
  return blind.contentWindow ?? undefined;
}
