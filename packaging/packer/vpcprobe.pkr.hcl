# Packer template: an image with vpcprobe in it.
#
#   packer init . && packer build -var package=vpcprobe-x86_64-unknown-linux-musl.rpm -var region=eu-west-1 \
#       -var source_ami=ami-0123456789abcdef0 .
#
# For Graviton give the aarch64 package, an arm64 image and an instance type such as t4g.small. Nothing is probed while the image is
# built: the paths are those of the subnet in which it is built, and its instances have others.

variable "package" {
  type        = string
  description = "The deb or rpm that packaging/build made."
}

variable "region" {
  type = string
}

variable "source_ami" {
  type        = string
  description = "The image to start from."
}

variable "ssh_username" {
  type    = string
  default = "ec2-user"
}

variable "instance_type" {
  type    = string
  default = "t3.small"
}

locals {
  uploaded = "/var/tmp/${basename(var.package)}"
}

source "amazon-ebs" "image" {
  ami_name      = "vpcprobe-{{timestamp}}"
  instance_type = var.instance_type
  region        = var.region
  source_ami    = var.source_ami
  ssh_username  = var.ssh_username
}

build {
  sources = ["source.amazon-ebs.image"]

  provisioner "file" {
    source      = var.package
    destination = local.uploaded
  }

  provisioner "shell" {
    script          = "${path.root}/install"
    execute_command = "sudo sh '{{ .Path }}' '${local.uploaded}'"
  }
}
