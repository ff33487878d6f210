/** Shows how loud a microphone is, as `--level` (0 to 1) of an element. Returns the end of it. */
export function meter(track: MediaStreamTrack, bar: HTMLElement): () => void {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 512;
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  let frame = 0;
  const draw = () => {
    analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
    bar.style.setProperty("--level", Math.min(1, Math.sqrt(power) * 5).toFixed(3));
    frame = requestAnimationFrame(draw);
  };
  draw();
  return () => {
    cancelAnimationFrame(frame);
    bar.style.setProperty("--level", "0");
    void context.close();
  };
}
