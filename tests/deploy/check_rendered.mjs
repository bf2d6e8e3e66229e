// Compares what render.sh printed with the files that it was made of, and the privileges with docs/security.md.
//   node check_rendered.mjs DEPLOY_FOLDER RENDERED_FOLDER
import assert from "node:assert";
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import yaml from "js-yaml";

const [deploy, rendered] = process.argv.slice(2);
const objectsOf = (overlay) => yaml.loadAll(readFileSync(path.join(rendered, `${overlay}.yaml`), "utf8")).filter(Boolean);
const filesIn = (folder, ending, parse) =>
  readdirSync(path.join(deploy, folder)).filter((name) => name.endsWith(ending)).sort()
    .map((name) => parse(readFileSync(path.join(deploy, folder, name), "utf8")));
const container = (overlay) =>
  objectsOf(overlay).find((object) => object.kind === "DaemonSet").spec.template.spec.containers[0];

const objects = objectsOf("least");
const rules = objects.filter((object) => object.kind === "PrometheusRule").map((object) => object.spec);
assert.deepStrictEqual(rules, filesIn("prometheus", ".rules.yml", yaml.load));
const dashboards = objects.filter((object) => object.kind === "ConfigMap").map((object) => {
  assert.equal(object.metadata.labels.grafana_dashboard, "1");
  return JSON.parse(Object.values(object.data)[0]);
});
assert.deepStrictEqual(dashboards, filesIn("grafana", ".json", JSON.parse));
assert(rules.length > 0 && dashboards.length > 0);

for (const overlay of ["least", "kubelet"]) {
  const context = container(overlay).securityContext;
  assert.deepStrictEqual(context.capabilities, { add: ["BPF", "NET_ADMIN", "PERFMON"], drop: ["ALL"] }, overlay);
  assert.equal(context.allowPrivilegeEscalation, false, overlay);
}
for (const overlay of ["least", "kubelet", "privileged"]) {
  assert.equal(container(overlay).securityContext.readOnlyRootFilesystem, true, overlay);
  for (const mount of container(overlay).volumeMounts) assert.equal(mount.readOnly, true, `${overlay}: ${mount.name}`);
}
assert(container("kubelet").args.includes("--kubelet-url=https://$(HOST_IP):10250"));
