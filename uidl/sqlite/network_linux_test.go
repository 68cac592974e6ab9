package sqlite

import "testing"

func TestNetworkFilesystems(t *testing.T) {
	const smb2 = 0xfe534d42
	for magic, want := range map[int64]string{
		0x6969: "NFS", 0xff534d42: "SMB", -0x00acb2be: "SMB", smb2: "SMB", smb2 - 1<<32: "SMB",
		0xef53: "", 0x58465342: "", 0x9123683e: "", 0x01021994: "", 0x65735546: "",
	} {
		if got := networkName(magic); got != want {
			t.Errorf("%#x: %q, want %q", magic, got, want)
		}
	}
}
