"""What learns: one file per method; importing this package imports none of them."""

METHODS: dict[str, str] = {
    "tlcnn": "methods.tlcnn:TLCNN",
    "tlcnn-e": "methods.tlcnn:TLCNNWithoutE",
    "tlcnn-em": "methods.tlcnn:TLCNNWithoutEM",
    "c5-svm": "methods.c5_svm:C5SVM",
    "3d-cnn": "methods.cnn3d:CNN3D",
    "mdmo": "methods.mdmo:MDMO",
    "fdm": "methods.fdm:FDM",
    "lbp-top": "methods.lbp_top:LBPTOP",
    "stlbp-ip": "methods.stlbp_ip:STLBPIP",
    "stclqp": "methods.stclqp:STCLQP",
    "majority": "methods.majority:Majority",
    "linear": "methods.linear:Linear",
}
"""Name to "module:Class", in the order of the paper's Table 3, then the floors."""
