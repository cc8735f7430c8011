// A row a model; `rows.ts` says what the columns are and where the facts are from.

/** Linf, 8/255. */
export const CIFAR10_LINF = `
Andriushchenko2020Understanding       PreActResNet-18                     preact-raw-last   none       79.84  43.93        -      1Uyvprd98bIyxfMjLdCZwm-NEJ-6GMVis
Carmon2019Unlabeled                   WideResNet-28-10                    wrn               none       89.69  59.53        -      15tUx-gkZMYx7BfEOw1GY5OKC-jECIsPQ
Sehwag2020Hydra                       WideResNet-28-10                    wrn               none       88.98  57.14        -      1pi8GHwAVkxVH41hEnf0IAJb_7y-Q8a2Y
Wang2020Improving                     WideResNet-28-10                    wrn               none       87.50  56.29        -      1T939mU4kXYt5bbvM55aT4fLBvRhyzjiQ
Hendrycks2019Using                    WideResNet-28-10                    wrn               symmetric  87.11  54.92        -      1-DcJsYw2dNEOyF9epks2QS7r9nqBDEsw
Rice2020Overfitting                   WideResNet-34-20                    wrn               cifar10    85.34  53.42        -      1vC_Twazji7lBjeMQvAD9uEQxi9Nx2oG-
Zhang2019Theoretically                WideResNet-34-10                    wrn               none       84.92  53.08@0.031  -      1hPz9QQwyM7QSuWu-ANG_uXR-29xtL8t_
Engstrom2019Robustness                ResNet-50                           resnet            cifar10-b  87.03  49.25        -      1etqmQsksNIWBvBQ4r8ZFk_3FJlLWr8Rr
Chen2020Adversarial                   ResNet-50                           ensemble          imagenet   86.04  51.56        -      1HrG22y_A9F0hKHhh2cLLvKxsQTJTLE_y,1DB2ymt0rMnsMk5hTuUzoMTpMKEKWpExd,1GfgzNZcC190-IrT7056IZFDB6LfMUL9m
Huang2020Self                         WideResNet-34-10                    wrn               none       83.48  53.34@0.031  -      1nInDeIyZe2G-mJFxQJ3UoclQNomWjMgm
Pang2020Boosting                      WideResNet-34-20                    wrn-cosine        cifar10    85.14  53.74        -      1iNWOj3MP7kGe8yTAS4XnDaDXDLt0mwqw
Wong2020Fast                          PreActResNet-18                     preact-raw        cifar10    83.34  43.21        -      1Re--_lf3jCEw9bnQqGkjw3J7v2tSZKrv
Ding2020MMA                           WideResNet-28-4                     wrn               per-image  84.36  41.44        -      19Q_rIIHXsYzxZ0WcZdqT-N2OD7MfgoZ0
Zhang2019You                          WideResNet-34-10                    wrn               none       87.20  44.83        -      1kB2qqPQ8qUNmK8VKuTOhT1X4GT46kAoA
Zhang2020Attacks                      WideResNet-34-10                    wrn               none       84.52  53.51        -      1lBVvLG6JLXJgQP2gbsTxNHl6s3YAopqk
Wu2020Adversarial_extra               WideResNet-28-10                    wrn               none       88.25  60.04        -      1-WJWpAZLlmc4gJ8XXNf7IETjnSZzaCNp
Wu2020Adversarial                     WideResNet-34-10                    wrn               none       85.36  56.17        -      13LBcgNvhFppCFG22i1xATrahFPfMgXGf
Gowal2020Uncovering_70_16             WideResNet-70-16                    dm-wrn            cifar10    85.29  57.20        57.14  1DVwKclibqzniE2Ss5_g6BY77ChG8QKzl
Gowal2020Uncovering_70_16_extra       WideResNet-70-16                    dm-wrn            cifar10    91.10  65.88        65.87  1GxryYj_Or-VCDca0wgiFLz4ssXSZXQoJ
Gowal2020Uncovering_34_20             WideResNet-34-20                    dm-wrn            cifar10    85.64  56.86        56.82  1YWvZO1u9_yNLFNC3JYd_TVkvrRSMER1O
Gowal2020Uncovering_28_10_extra       WideResNet-28-10                    dm-wrn            cifar10    89.48  62.80        62.76  1MBAWGxiZxKt-GfqEqtLcXcd3tAxPhvV2
Sehwag2021Proxy                       WideResNet-34-10                    wrn               none       86.68  60.27        -      1QFA5fPMj2Qw4aYNG33PkFqiv_RTDWvzm
Sehwag2021Proxy_R18                   ResNet-18                           resnet            none       84.59  55.54        -      1-ZgoSlD_AMhtXdnUElilxVXnzK2DcHuu
Sehwag2021Proxy_ResNest152            ResNest152                          resnest           none       87.30  62.79        -      1XSjtJZAvDlua6wTM6WRLvW_jON-DqLgT
Sitawarin2020Improving                WideResNet-34-10                    wrn               none       86.84  50.72        -      12teknvo6dQGSWBaGnbNFwFO3-Y8j2eB6
Chen2020Efficient                     WideResNet-34-10                    wrn               cifar10    85.32  51.12        -      1c5EXpd3Kn_s6qQIbkLX3tTOOPC8VslHg
Cui2020Learnable_34_20                WideResNet-34-20                    wrn               none       88.70  53.57@0.031  -      1y7BUxPhQjNlb4w4BUlDyYJIS4w4fsGiS
Cui2020Learnable_34_10                WideResNet-34-10                    wrn               none       88.22  52.86@0.031  -      16s9pi_1QgMbFLISVvaVUiNfCzah6g2YV
Zhang2020Geometry                     WideResNet-28-10                    wrn               none       89.36  59.64@0.031  -      1UoG1JhbAps1MdMc6PEFiZ2yVXl_Ii5Jk
Rebuffi2021Fixing_28_10_cutmix_ddpm   WideResNet-28-10                    dm-wrn            cifar10    87.33  60.75        60.73  1-0EChXbc6pOvx26O17av263bCeqIAz6s
Rebuffi2021Fixing_106_16_cutmix_ddpm  WideResNet-106-16                   dm-wrn            cifar10    88.50  64.64        64.58  1-4qnkveIkeWoGdF72kpEFHETiY3y4_tF
Rebuffi2021Fixing_70_16_cutmix_ddpm   WideResNet-70-16                    dm-wrn            cifar10    88.54  64.25        64.20  1-8CWRT-OFWyrz4T4s0I2mbFjPg8K_MUi
Rebuffi2021Fixing_70_16_cutmix_extra  WideResNet-70-16                    dm-wrn            cifar10    92.23  66.58        66.56  1qKDTp6IJ1BUXZaRtbYuo_t0tuDl_4mLg
Sridhar2021Robust                     WideResNet-28-10                    wrn               none       89.46  59.66        -      1muDMpOyRlgJ7n2rhS2NpfFGp3rzjuIu0
Sridhar2021Robust_34_15               WideResNet-34-15                    wrn               none       86.53  60.41        -      1-3ii3GX93YqIcmJ3VNsOgYA7ecdnSZ0Z
Rebuffi2021Fixing_R18_ddpm            PreActResNet-18                     dm-preact         cifar10    83.53  56.66        -      1--dxE66AsgBSUsuK2sXCTrsYUV9B5f95
Rade2021Helper_R18_extra              PreActResNet-18                     dm-preact         cifar10    89.02  57.67        -      1hdXk1rPJql2Oa84Kky64fMTQzng5UcTL
Rade2021Helper_R18_ddpm               PreActResNet-18                     dm-preact         cifar10    86.86  57.09        -      1f2yJUo-jxCQNk589frzriv6wPyrQEZdX
Rade2021Helper_extra                  WideResNet-34-10                    dm-wrn            cifar10    91.47  62.83        -      1GhAp-0C3ONRy9BxIe0J9vKc082vHvR7t
Rade2021Helper_ddpm                   WideResNet-28-10                    dm-wrn            cifar10    88.16  60.97        -      1AOF6LxnwgS5fCz_lVLYqs_wnUYuv6O7z
Huang2021Exploring                    WideResNet-34-R                     robust-wrn        none       90.56  61.56        -      1-2ram-xtoEidOh1SCYY5KTiyKieINkZe
Huang2021Exploring_ema                WideResNet-34-R                     robust-wrn        none       91.23  62.54        -      1-GRwO5t9HxOS2y6RFK8QEsDXjdcgmVu6
Addepalli2021Towards_RN18             ResNet-18                           resnet            none       80.24  51.06        -      1-1DxecXz5U_xZ54DVdE-GVm71Tiox-Ri
Addepalli2021Towards_WRN34            WideResNet-34-10                    wrn               none       85.32  58.04        -      1-3vgjTNfSq7LSMKuayEQ-jLflAP196dB
Gowal2021Improving_70_16_ddpm_100m    WideResNet-70-16                    dm-wrn            cifar10    88.74  66.11        66.10  10qBoDG_NomJBrRFeTsSwEcJF1GA-sjC4
Dai2021Parameterizing                 WideResNet-28-10-PSSiLU             wrn-pssilu        none       87.02  61.55        -      1eO-MNXQSAoCuNFjIbdCheprT4Beqo9Zv
Gowal2021Improving_28_10_ddpm_100m    WideResNet-28-10                    dm-wrn            cifar10    87.50  63.44        63.38  12L8YE6VBgUDKyW6GMSNefSYj2gg4LEKx
Gowal2021Improving_R18_ddpm_100m      PreActResNet-18                     dm-preact         cifar10    87.35  58.63        58.50  1-0EuCJashqSXEkkd1DOzFA4tH8KL2kim
Chen2021LTD_WRN34_10                  WideResNet-34-10                    wrn               none       85.21  56.94        -      1-0RoQKYvHLNh7hZ71wJjSit1XtrJQo9D
Chen2021LTD_WRN34_20                  WideResNet-34-20                    wrn               none       86.03  57.71        -      1-5JmY9rapuGwCUc2nPvy7Rb_sn_dHhFm
Standard                              WideResNet-28-10                    wrn               none       94.78  0.00         -      1t98aEuzeTL8P7Kpd5DIrCoCL21BNZUhC
Kang2021Stable                        WideResNet-70-16, Neural ODE block  neural-ode        -          93.73  71.28        64.20  1-HjG9f7wJDnNRdMQSiz8dlCI3sq5mfqj
Jia2022LAS-AT_34_10                   WideResNet-34-10                    wrn               none       84.98  56.26        -      1-3l7xKhIPyes3O4QSz0HU6L-hfOoS0xD
Jia2022LAS-AT_70_16                   WideResNet-70-16                    wrn               none       85.66  57.61        -      1-4p-Gr0hjl8wq6qvvTza4x4a5Rmu-Bfr
Pang2022Robustness_WRN28_10           WideResNet-28-10                    dm-wrn            cifar10    88.61  61.04        -      16ChNkterCp17BXv-xxqpfedb4u2_CjjS
Pang2022Robustness_WRN70_16           WideResNet-70-16                    dm-wrn            cifar10    89.01  63.35        -      1uQZYUuUiL9BzaQUeXLhjr_RhoyFRrHe3
Addepalli2022Efficient_RN18           ResNet-18                           resnet            none       85.71  52.48        -      1m5vhdzIUUKhDbsZdOG9z76Eyp6f4xe_f
Addepalli2022Efficient_WRN_34_10      WideResNet-34-10                    wrn               none       88.71  57.81        -      1--dVDtZhAk4D2zMtTDwIGnImuCGxTcBA
Debenedetti2022Light_XCiT-S12         XCiT-S12                            cifar-xcit        cifar10    90.06  56.14        -      https://github.com/RobustBench/robustbench/releases/download/v1.1/debenedetti2022light-xcit-s-cifar10-linf.pth.tar
Debenedetti2022Light_XCiT-M12         XCiT-M12                            cifar-xcit        cifar10    91.30  57.27        -      https://github.com/RobustBench/robustbench/releases/download/v1.1/debenedetti2022light-xcit-m-cifar10-linf.pth.tar
Debenedetti2022Light_XCiT-L12         XCiT-L12                            cifar-xcit        cifar10    91.73  57.58        -      https://github.com/RobustBench/robustbench/releases/download/v1.1/debenedetti2022light-xcit-l-cifar10-linf.pth.tar
Huang2022Revisiting_WRN-A4            WideResNet-A4                       wrn-a4            cifar10    91.58  65.79        -      1okHk4XPgunmqHG3alXfVF84qRwlu6Oqe
Wang2023Better_WRN-28-10              WideResNet-28-10                    dm-wrn            cifar10    92.44  67.31        -      1-6MYKJdECDVGaWjj6GgqvaT95BGKhUvI
Wang2023Better_WRN-70-16              WideResNet-70-16                    dm-wrn            cifar10    93.25  70.69        -      1-RF7ZSS-PAh6bfQcuqx4lh9bc9BUGnap
Xu2023Exploring_WRN-28-10             WideResNet-28-10                    dm-wrn            cifar10    93.69  63.89        -      1k1uJI13ft0h0dfzuEihVpBvjBXwFRH2o
Cui2023Decoupled_WRN-28-10            WideResNet-28-10                    dm-wrn            cifar10    92.16  67.73        -      1-AaTrYt23WJFR22hXgBd-i6kjpsz6Hf2
Cui2023Decoupled_WRN-34-10            WideResNet-34-10                    wrn               none       85.31  57.09        -      1-ArD-TugRXUbH3VtM9qnzvby6NvdXNUN
Bai2023Improving_edm                  ResNet-152 + WideResNet-70-16       adaptive-edm-10   -          95.23  68.06        -      1-5EwY_5tQZudo9idwXiUGr3P4OUUGaQN,1-RF7ZSS-PAh6bfQcuqx4lh9bc9BUGnap,1-7oV7QDgz8McvhbaCj6Owx3Rz3daiPrT
Peng2023Robust                        RaWideResNet-70-16                  dm-wrn            cifar10    93.27  71.07        -      1-6M8KHZdPmgqYkBSkdZQ2fLwp86ZQ9VU
Bai2024MixedNUTS                      ResNet-152 + WideResNet-70-16       mixed-nuts-10     -          95.19  70.08        69.71  1-5EwY_5tQZudo9idwXiUGr3P4OUUGaQN,1-6M8KHZdPmgqYkBSkdZQ2fLwp86ZQ9VU
Chen2024Data_WRN_34_10                WideResNet-34-10                    wrn               none       86.54  57.30        -      1-AzyMQaoUuwxec6O_Yri5OVtVqnNgR4R
Chen2024Data_WRN_34_20                WideResNet-34-20                    wrn               none       86.10  58.09        -      1-IbKAGtp79tAEm59N0i8QMvMZ3nxSD2-
Amini2024MeanSparse_Ra_WRN_70_16      MeanSparse RaWideResNet-70-16       dm-wrn            cifar10    93.24  72.08        68.94  1-JdK480cLUrVCaNKCSBsmy7y59kGYF19
Amini2024MeanSparse_S-WRN-94-16       MeanSparse WideResNet-94-16         dm-wrn            cifar10    93.60  75.28        73.10  1-GoAnBP6K6uwAzJbe4liOSfN_sZVYTln
Bartoldson2024Adversarial_WRN-94-16   WideResNet-94-16                    dm-wrn            cifar10    93.68  73.71        -      1g6o9H1b6vjoBi1USdCBt64C8B8LPiioX
Bartoldson2024Adversarial_WRN-82-8    WideResNet-82-8                     dm-wrn            cifar10    93.11  71.59        -      1--jl8qJh624SFqFffvg1IkYR-fZGA2Sr
`;

/** L2, 0.5. */
export const CIFAR10_L2 = `
Augustin2020Adversarial               ResNet-50                    resnet     cifar10-d  91.08  72.91  -      1oDghrzNfkStC2wr5Fq8T896yNV4wVG4d
Engstrom2019Robustness                ResNet-50                    resnet     cifar10-b  90.83  69.24  -      1O8rGa6xOUIRwQ-M4ESrCjzknby8TM2ZE
Rice2020Overfitting                   PreActResNet-18              preact     cifar10    88.67  67.68  -      1jo-31utiYNBVzLM0NxUEWz0teo3Z0xa7
Rony2019Decoupling                    WideResNet-28-10             wrn        cifar10-c  89.05  66.44  -      1Oua2ZYSxNvoDrtlY9vTtRzyBWHziE4Uy
Standard                              WideResNet-28-10             wrn        none       94.78  0.00   -      1t98aEuzeTL8P7Kpd5DIrCoCL21BNZUhC
Ding2020MMA                           WideResNet-28-4              wrn        per-image  88.02  66.09  -      13wgY0Q_eor52ltZ0PkfJx5BCZ8cLM52E
Wu2020Adversarial                     WideResNet-34-10             wrn        none       88.51  73.66  -      1M5AZ0EZQt7d2AlTmsnqZcfx91-x7YEAV
Gowal2020Uncovering                   WideResNet-70-16             dm-wrn     cifar10    90.90  74.50  -      1QL4SNvYydjIg1uI3VP9SyNt-2kTXRisG
Gowal2020Uncovering_extra             WideResNet-70-16             dm-wrn     cifar10    94.74  80.53  -      1pkZDCpCBShpAnx92n8PUeNOY1fSiTi0s
Sehwag2021Proxy                       WideResNet-34-10             wrn        none       90.93  77.24  -      1UviikNzpltVFsgMuqQ8YhpmvGczGRS4S
Sehwag2021Proxy_R18                   ResNet-18                    resnet     none       89.76  74.41  -      1zPjjZj9wujBNkAmHHHIikem6_aIjMhXG
Rebuffi2021Fixing_70_16_cutmix_ddpm   WideResNet-70-16             dm-wrn     cifar10    92.41  80.42  -      1-8ECIOYF4JB0ywxJOmhkefnv4TW-KuXp
Rebuffi2021Fixing_28_10_cutmix_ddpm   WideResNet-28-10             dm-wrn     cifar10    91.79  78.80  -      1-DUKcvfDzeWwt0NK7q2XvU-dIi8up8B0
Rebuffi2021Fixing_70_16_cutmix_extra  WideResNet-70-16             dm-wrn     cifar10    95.74  82.32  -      1JX82BDVBNO-Ffa2J37EuB8C-aFCbz708
Augustin2020Adversarial_34_10         WideResNet-34-10             wrn        cifar10-d  92.23  76.25  -      1qPsKS546mKcs71IEhzOS-kLpQFSFhaKL
Augustin2020Adversarial_34_10_extra   WideResNet-34-10             wrn        cifar10-d  93.96  78.79  -      1--1MFZja6C2iVWi9MgetYjnSIenRBLT-
Rebuffi2021Fixing_R18_cutmix_ddpm     PreActResNet-18              dm-preact  cifar10    90.33  75.86  -      1-AlwHsXU28tCOJsf9RKAZxVzbinzzQU3
Rade2021Helper_R18_ddpm               PreActResNet-18              dm-preact  cifar10    90.57  76.15  -      1VWrStAYy5CrUR18sjcpq_LKLpeqgUaoQ
Wang2023Better_WRN-28-10              WideResNet-28-10             dm-wrn     cifar10    95.16  83.68  -      1-fwKiJXEqHHUngt8wKsNnHuD4vAPvPXC
Wang2023Better_WRN-70-16              WideResNet-70-16             dm-wrn     cifar10    95.54  84.97  -      101UyURyte05tJLA9VFRBN6UDLyn-0sJw
Amini2024MeanSparse_S-WRN-70-16       MeanSparse WideResNet-70-16  dm-wrn     cifar10    95.51  87.28  84.33  1kBtoDnMwbVmsFl4YxlDhuJpRiE-gCKvI
`;

/** Common corruptions (CIFAR-10-C). */
export const CIFAR10_CORRUPTIONS = `
Diffenderfer2021Winning_LRR                WideResNet-18-2   lrr          cifar10-c  96.66  90.94  -  1-NFL1OxfXgC0peeAV7G60ohhESO-8G0c
Diffenderfer2021Winning_LRR_CARD_Deck      WideResNet-18-2   ensemble     cifar10-c  96.56  92.78  -  1-R56enDUZ3oY74zfmj8M5ogBsV2SEHFR,1-_3eqvtBxTn-Afvg4fB5d4lx1cDi_AqC,1-cY0IYzLQrXzTa3LQvl6d26KnocsSurs,1-phHz-8gnNjN-m08pT_dagsW7Fa5-aTQ,1-ryE4owBqQ1HiWS6L60eW5YTPII_88MH,1-vka-h7krlJOjN7SRKMW5aDY73_WuZI2
Diffenderfer2021Winning_Binary             WideResNet-18-2   binary       cifar10-c  94.87  88.32  -  101VSovRuFA0M7idR9ioeVn-UxROdJUYu
Diffenderfer2021Winning_Binary_CARD_Deck   WideResNet-18-2   ensemble     cifar10-c  95.09  90.15  -  10BOwYD-JdPguAp3dc4owWcyTI_MRWzmG,10IuU66vHBNXVmzeY3VCfpRjGoMOpsGkl,10WGSGQ0EHaJ0QZcoS0fAPqzlqwzGY-o2,10X1mo5I6fKhlZzQQeLFbjnHvOHJupHeC,10d8-swRiQutUSbSKksGwKeZfn8poYF3y,10ilDm_fojXiQve_LaHApbNalBpk6v53Z
Rebuffi2021Fixing_70_16_cutmix_extra_Linf  WideResNet-70-16  dm-wrn       cifar10    92.23  82.82  -  1qKDTp6IJ1BUXZaRtbYuo_t0tuDl_4mLg
Rebuffi2021Fixing_70_16_cutmix_extra_L2    WideResNet-70-16  dm-wrn       cifar10    95.74  88.23  -  1JX82BDVBNO-Ffa2J37EuB8C-aFCbz708
Hendrycks2020AugMix_WRN                    WideResNet-40-2   wrn          symmetric  95.08  88.82  -  1wy7gSRsUZzCzj8QhmTbcnwmES_2kkNph
Hendrycks2020AugMix_ResNeXt                ResNeXt29_32x4d   resnext      symmetric  95.83  89.09  -  1uGP3nZbL3LC160kOsxwkkt6tDd4qbZT1
Kireev2021Effectiveness_Gauss50percent     PreActResNet-18   preact-last  cifar10    93.24  85.04  -  1zR6lwYLkO3TFSgeqvu_CMYTq_IS-eicQ
Kireev2021Effectiveness_AugMixNoJSD        PreActResNet-18   preact-last  cifar10    94.97  86.60  -  1p_1v1Oa-FSrjHTAq63QX4WtLYETkcbdH
Kireev2021Effectiveness_RLAT               PreActResNet-18   preact-last  cifar10    93.10  84.10  -  16bCDA_5Rhr6qMKHRAO5W-4nu9_10kFyF
Kireev2021Effectiveness_RLATAugMixNoJSD    PreActResNet-18   preact-last  cifar10    94.77  88.53  -  1hgJuvLPSVQMbUczn8qnIphONlJePsWgU
Kireev2021Effectiveness_RLATAugMix         ResNet-18         preact-last  cifar10    94.75  89.60  -  19HNTdqJiuNyqFqIarPejniJEjZ3RQ_nj
Standard                                   WideResNet-28-10  wrn          none       94.78  73.46  -  1t98aEuzeTL8P7Kpd5DIrCoCL21BNZUhC
Addepalli2021Towards_WRN34                 WideResNet-34-10  wrn          none       85.32  76.78  -  1-3vgjTNfSq7LSMKuayEQ-jLflAP196dB
Modas2021PRIMEResNet18                     ResNet-18         resnet       file       93.06  89.05  -  13oDyqi16FeXy5j4Vm6IghnjTVqp_XF5U
Addepalli2022Efficient_WRN_34_10           WideResNet-34-10  wrn          none       88.71  80.12  -  1--dVDtZhAk4D2zMtTDwIGnImuCGxTcBA
`;
