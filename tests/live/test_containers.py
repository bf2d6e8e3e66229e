"""Which container and pod it was: real containers of runc, in cgroup paths as Docker and the kubelet make them."""

import os

import harness
from certificates import NAME, certificates
from containers import Container, Image
from livetest import LiveTest
from peers import serve_pods
from processes import Cgroup
from session import Serve

SUCCESS = {"tlsmeter.result": "success", "tls.client.server_name": NAME}
UID = "0f5a3c1e-2b4d-4f6a-8c9e-1a2b3c4d5e6f"
POD = {
    "io.kubernetes.cri.container-type": "container",
    "io.kubernetes.cri.container-name": "front",
    "io.kubernetes.cri.sandbox-name": "web-6c54bd5869-x9z2k",
    "io.kubernetes.cri.sandbox-namespace": "shop",
    "io.kubernetes.cri.sandbox-uid": UID,
}


class ContainerTest(LiveTest):
    programs = ("runc",)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # runc turns controllers on for the cgroups below ours: the kernel then wants no processes in ours itself.
        cls.peers = cls.enterClassContext(Cgroup(cls.cgroup))
        cls.image = cls.enterClassContext(Image())

    def container(self, path, annotations=None):
        return self.enterContext(Container(self.image, self.cgroup, path, annotations))

    def handshake(self, port):
        """A client outside any container and a server inside one; returns the server's record."""
        argv = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", NAME, "-ign_eof"]
        self.peers.run(argv, b"GET / HTTP/1.0\r\n\r\n")
        client, server = self.pair(port, SUCCESS)
        self.check_fields(client, {"container.id": None, "k8s.pod.uid": None, "tlsmeter.attribution.source": "comm"})
        self.check_fields(server, {"process.name": "openssl", "process.executable.path": "/usr/bin/openssl"})
        return server

    def test_two_containers_of_one_image(self):
        containers = [self.container("/docker/{id}") for _ in range(2)]
        for container in containers * 2:
            record = self.handshake(container.port)
            self.check_fields(record, {
                "container.id": container.id,
                "k8s.pod.uid": None,
                "tlsmeter.attribution.source": "cgroup",
                "tlsmeter.attribution.result": "partial",
            })

    def test_container_of_a_pod_that_nothing_names(self):
        container = self.container(f"/kubepods/burstable/pod{UID}/{{id}}")
        record = self.handshake(container.port)
        self.check_fields(record, {
            "container.id": container.id,
            "k8s.pod.uid": UID,
            "k8s.pod.name": None,
            "k8s.workload.name": None,
            "tlsmeter.attribution.source": "cgroup",
            "tlsmeter.attribution.result": "partial",
        })

    def test_container_of_a_pod_with_the_bundle_of_containerd(self):
        slices = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + UID.replace("-", "_") + ".slice"
        container = self.container(slices + "/cri-containerd-{id}.scope", POD)
        record = self.handshake(container.port)
        self.check_fields(record, {
            "container.id": container.id,
            "k8s.namespace.name": "shop",
            "k8s.pod.name": "web-6c54bd5869-x9z2k",
            "k8s.pod.uid": UID,
            "k8s.container.name": "front",
            "k8s.workload.name": "web",
            "k8s.workload.kind": "Deployment",
            "tlsmeter.attribution.source": "oci_bundle",
            "tlsmeter.attribution.result": "complete",
        })

    def test_metrics_of_a_pod_carry_its_workload(self):
        container = self.container(f"/kubepods/burstable/pod{UID}/{{id}}", POD)
        with Serve(self.cgroup) as serve:
            self.handshake(container.port)
            labels = {"role": "server", "namespace": "shop", "workload": "web", "workload_type": "deployment"}
            self.assertEqual(serve.wait_for_total(1, "handshakes_total", **labels), 1)
            self.assertEqual(serve.wait_for_total(1, "attribution_total", source="oci_bundle", result="complete"), 1)
            self.assertEqual(serve.finish(), 0)

    def test_kubelet_names_the_workload(self):
        container = self.container(f"/kubepods/burstable/pod{UID}/{{id}}")
        pods = {"kind": "PodList", "apiVersion": "v1", "items": [{
            "metadata": {"name": "agent-x9z2k", "namespace": "kube-system", "uid": UID, "ownerReferences": [
                {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "agent", "uid": "1", "controller": True}]},
            "status": {"containerStatuses": [{"name": "main", "containerID": f"containerd://{container.id}"}]}}]}
        kubelet = self.enterContext(self.enterContext(Cgroup()).start(serve_pods, pods, comm="kubelet"))
        port = kubelet.receive()[1]
        folder = self.enterContext(harness.temporary_folder())
        token = os.path.join(folder, "token")
        with open(token, "w") as file:
            file.write("secret\n")
        options = ("--kubelet-url", f"https://127.0.0.1:{port}", "--kubelet-token-file", token,
                   "--kubelet-ca-file", certificates().root.certificate)
        with Serve(self.cgroup, *options) as serve:
            # The list is there before the first container is looked up, or five seconds later.
            def named():
                self.handshake(container.port)
                labels = {"role": "server", "namespace": "kube-system", "workload": "agent", "workload_type": "daemonset"}
                return serve.metrics().total("handshakes_total", **labels)

            harness.wait_until(named, 20, lambda: f"a DaemonSet in the metrics; tlsmeter says: {serve.stderr()}")
            self.assertEqual(serve.finish(), 0)
            self.assertNotIn("kubelet", serve.stderr())


if __name__ == "__main__":
    harness.main()
