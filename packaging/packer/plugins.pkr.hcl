# Since 1.7 Packer gets what makes images on EC2 with `packer init`; older ones bring it along, and do not know this block.

packer {
  required_plugins {
    amazon = {
      version = ">= 1.2.0"
      source  = "github.com/hashicorp/amazon"
    }
  }
}
