// Search on a page that is opened from the disk: browsers start no worker there, so its script runs in a hidden frame.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.append(frame);
      const inside = frame.contentWindow;
      const tell = (target, data) => queueMicrotask(() => target.dispatchEvent(new MessageEvent("message", { data })));
      inside.postMessage = (data) => tell(this, data);
      this.inside = new Promise((ready) => {
        const script = inside.document.createElement("script");
        script.src = url;
        script.onload = () => ready(inside);
        inside.document.body.append(script);
      });
      this.postMessage = (data) => this.inside.then((target) => tell(target, data));
    }
  };
}
