from tensorfleet.kinds.loadtest.monitors.device_names import outer_interfaces, whole_disks


def test_partitions_and_what_is_made_of_disks_do_not_count_again() -> None:
    names = "sda sda1 sda12 nvme0n1 nvme0n1p2 mmcblk0 mmcblk0p1 dm-0 md127 loop3 zram0 sr0 vda vdb1"
    assert whole_disks(names.split()) == {"sda", "nvme0n1", "mmcblk0", "vda", "vdb1"}


def test_interfaces_within_the_machine_do_not_count() -> None:
    names = "lo eth0 eth0.100 enp3s0 docker0 veth12ab br-1f2e bond0 tun0 wlan0 cni0"
    assert outer_interfaces(names.split()) == {"eth0", "enp3s0", "wlan0"}
