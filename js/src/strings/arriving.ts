import { english } from "./en";
import type { Strings } from "./index";

/**
 * A catalogue that the kernel sent: a module of its own, which exports nothing else.
 *
 * @throws whatever a host says that lets no such module in, and an error where the texts are those of another version
 */
export async function readCatalogue(module: string): Promise<Strings> {
  const address = URL.createObjectURL(new Blob([module], { type: "text/javascript" }));
  try {
    const [catalogue] = Object.values<Partial<Strings>>(await import(/* @vite-ignore */ address));
    if (!isWhole(catalogue)) {
      throw new Error("it belongs to another version of this page.");
    }
    return catalogue;
  } finally {
    URL.revokeObjectURL(address);
  }
}

function isWhole(catalogue: Partial<Strings> | undefined): catalogue is Strings {
  return catalogue !== undefined && Object.keys(english).every((name) => name in catalogue);
}
