// Validates Kubernetes manifests against the schemas of the Kubernetes and Prometheus operator APIs, twice: their rules for
// values, and their types for names, since the rules let a misspelt field pass.
//   node validate_kubernetes.mjs FILE...      from a folder in which the packages of package.json are installed
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import ts from "typescript";
import yaml from "js-yaml";

const packageOf = (apiVersion) =>
  apiVersion.startsWith("monitoring.coreos.com/") ? "@kubernetes-models/prometheus-operator" : "kubernetes-models";

const errors = [];
const typed = []; // the same objects as TypeScript literals
const names = []; // by literal, for messages
for (const file of process.argv.slice(2)) {
  for (const object of yaml.loadAll(readFileSync(file, "utf8"))) {
    if (!object) continue;
    const name = `${path.basename(file)}: ${object.kind} ${object.metadata?.name}`;
    const module = `${packageOf(object.apiVersion)}/${object.apiVersion}/${object.kind}`;
    let Model;
    try {
      Model = (await import(module))[object.kind];
    } catch (error) {
      errors.push(`${name}: no schema for ${object.apiVersion} ${object.kind} (${error.code})`);
      continue;
    }
    try {
      new Model(object).validate();
    } catch (error) {
      errors.push(`${name}: ${error.message}`);
    }
    typed.push(`import { I${object.kind} as T${names.length} } from "${module}";`,
               `export const o${names.length}: T${names.length} = ${JSON.stringify(object)};`);
    names.push(name);
  }
}

const source = path.resolve("manifests.ts");
writeFileSync(source, typed.join("\n"));
const program = ts.createProgram([source], {
  module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext, target: ts.ScriptTarget.ES2022,
  noEmit: true, skipLibCheck: true, strict: true, types: [],
});
for (const diagnostic of ts.getPreEmitDiagnostics(program)) {
  const line = diagnostic.file ? diagnostic.file.getLineAndCharacterOfPosition(diagnostic.start).line : 0;
  errors.push(`${names[line >> 1]}: ${ts.flattenDiagnosticMessageText(diagnostic.messageText, " ")}`);
}

for (const error of errors) console.error(error);
console.log(`${names.length} objects checked, ${errors.length} errors`);
process.exit(errors.length > 0 || names.length === 0 ? 1 : 0);
