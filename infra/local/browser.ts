import { spawn } from 'node:child_process';

/** The command that opens a URL in the browser of a person, and undefined on a machine without a screen. */
function openCommand(platform: NodeJS.Platform, environment: NodeJS.ProcessEnv): readonly string[] | undefined {
  switch (platform) {
    case 'darwin':
      return ['open'];
    case 'win32':
      return ['rundll32', 'url.dll,FileProtocolHandler'];
    default:
      return environment.DISPLAY || environment.WAYLAND_DISPLAY ? ['xdg-open'] : undefined;
  }
}

/** Opens a URL in the browser of the person who runs this process, if there is one. It never fails. */
export function openInBrowser(url: string): void {
  const [command, ...args] = openCommand(process.platform, process.env) ?? [];
  if (command !== undefined) {
    const browser = spawn(command, [...args, url], { stdio: 'ignore', detached: true });
    // The URL was printed, so a person can open it.
    browser.on('error', () => {});
    browser.unref();
  }
}
