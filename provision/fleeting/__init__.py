"""`provision/fleet`: the operator's side. Thin Python over the Ansible roles in provision/ansible."""
